"""B9: CPU and memory of a stack without requests: `python -m bench.idle [--seconds 60]`."""

import argparse
import json
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass

import psutil

from bench.stacks import Stack, stack_for_a_benchmark

SETTLE_SECONDS = 15
OTHERS = ("kafka", "postgres", "zipkin")
GOAL_PERCENT, GOAL_MEGABYTES = 4.0, 1100.0


@dataclass(slots=True)
class Use:
    percent: float = 0.0
    """CPU time in percent of one core."""
    megabytes: float = 0.0
    """Proportional set size: a page that n processes share counts 1/n for each."""

    def add(self, other: "Use") -> None:
        self.percent += other.percent
        self.megabytes += other.megabytes


def measure(stack: Stack, seconds: float) -> dict[str, Use]:
    before = {process: cpu_seconds(process) for process in stack.processes()}
    time.sleep(seconds)
    used: dict[str, Use] = defaultdict(Use)
    for process, name in stack.processes().items():
        with suppress(psutil.NoSuchProcess):
            percent = 100 * (cpu_seconds(process) - before.get(process, 0.0)) / seconds
            used[name].add(Use(percent, process.memory_full_info().pss / 1e6))
    return used


def cpu_seconds(process: psutil.Process) -> float:
    """With its children that have ended, such as the server processes of short connections."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with stack_for_a_benchmark() as stack:
        stack.run(sys.executable, "-m", "infra.stack", "up")
        time.sleep(SETTLE_SECONDS)
        used = measure(stack, seconds)
    groups = {"ours": Use(), "all": Use()}
    for name, use in sorted(used.items()):
        groups["all"].add(use)
        if name not in OTHERS:
            groups["ours"].add(use)
    for name, use in {**used, **groups}.items():
        print(f"{name:24} {use.percent:6.2f} % of a core {use.megabytes:7.0f} MB")
    goal = {"percent": GOAL_PERCENT, "megabytes": GOAL_MEGABYTES}
    print(json.dumps({"B9": {**{name: asdict(use) for name, use in groups.items()}, "goal": goal}}))


if __name__ == "__main__":
    main()
