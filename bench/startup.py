"""B10: a warm `make up`, `waypost --help`, and commands that look: `python -m bench.startup`."""

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable

from bench.stacks import Stack, stack_for_a_benchmark

UP, HELP, LOOK = "make up", "waypost --help", "a command that looks"
COMMANDS = {
    HELP: ["--help"],
    "waypost jobs list": ["jobs", "list"],
    "waypost dead-letters list": ["dead-letters", "list"],
    "waypost outbox list": ["outbox", "list"],
    "waypost consumers": ["consumers"],
    "waypost topics": ["topics"],
}
GOALS = {UP: 15.0, HELP: 0.4, LOOK: 1.0}


def seconds_of(action: Callable[[], None]) -> tuple[float, float]:
    """Wall time, and CPU time of the action's processes that have ended."""
    wall, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - wall, cpu


def measure(stack: Stack, count: int) -> dict[str, tuple[float, float]]:
    """The medians of some rounds, after one that writes byte code and creates the databases."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    stack.run("make", "up")
    rounds: dict[str, list[tuple[float, float]]] = {}
    for _ in range(count):
        for name, arguments in COMMANDS.items():
            rounds.setdefault(name, []).append(seconds_of(lambda: stack.run("bin/waypost", *arguments)))  # noqa: B023 - called at once
        stack.run("make", "down")
        rounds.setdefault(UP, []).append(seconds_of(lambda: stack.run("make", "up")))
    return {
        name: (statistics.median(w for w, _ in all_), statistics.median(c for _, c in all_))
        for name, all_ in rounds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with stack_for_a_benchmark() as stack:
        measured = measure(stack, rounds)
    for name, (wall, cpu) in measured.items():
        print(f"{name:28} {wall:6.2f} s {cpu:6.2f} s of CPU   goal {GOALS.get(name, GOALS[LOOK])} s")
    print(
        json.dumps(
            {"B10": {**{name: {"seconds": wall, "cpu": cpu} for name, (wall, cpu) in measured.items()}, "goal": GOALS}}
        )
    )


if __name__ == "__main__":
    main()
