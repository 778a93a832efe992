"""`make mutants`: mutates the toolkit, one place at a time, and checks that a test finds it.

A mutant is found if one of the tests that execute its line fails or exceeds its time. The shortest
tests run first, `SECONDS_PER_MUTANT` in total. Survivors that change no promise are listed in
`accepted.yaml`, each with its reason.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import yaml

from infra.stack.places import CHECKOUT
from tests.fixtures.copies import copy_project, importable
from tests.mutation.covering import DURATIONS, CoveringTests, measure
from tests.mutation.mutants import Mutant, all_mutants, sample
from waypost.testing.folders import scratch_folder

SECONDS_PER_MUTANT = 60.0
"""Limit of the sum of the tests' measured durations. At least one test runs."""
TEST_FACTOR, TEST_MARGIN_SECONDS = 5.0, 60.0
"""A mutant that makes the tests this much longer is found: it hangs."""
GOAL = 0.95
ACCEPTED = Path(__file__).parent / "accepted.yaml"


def main() -> int:
    options = _options()
    if options.measure or not DURATIONS.exists():
        measure(options.workers * 2)
    tests = CoveringTests()
    mutants = sample(
        [each for each in all_mutants() if each.path.startswith(options.only)], options.mutants, options.seed
    )
    print(f"{len(mutants)} mutants, seed {options.seed}", flush=True)
    survivors = [mutant for mutant, found in _tried(mutants, tests, options.workers) if not found]
    share = 1 - len(survivors) / len(mutants)
    print(f"found {len(mutants) - len(survivors)} of {len(mutants)} mutants ({share:.1%}; the goal is {GOAL:.0%})")
    return 0 if share >= GOAL else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="a file or folder, for example shared/waypost/jobs")
    parser.add_argument("--measure", action="store_true", help="measures again which tests execute which lines")
    return parser.parse_args()


def _tried(mutants: Sequence[Mutant], tests: CoveringTests, workers: int) -> Iterator[tuple[Mutant, bool]]:
    """Each worker has a copy of the project."""
    with scratch_folder() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            copy = folder / str(number)
            copy.mkdir()
            copy_project(copy)
            copies.put(copy)

        def tried(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return is_found(mutant, tests, copy)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(workers) as pool:
            yield from zip(mutants, pool.map(tried, mutants), strict=True)


def is_found(mutant: Mutant, tests: CoveringTests, copy: Path) -> bool:
    """Prints the result, and the change if the mutant survives."""
    began = time.monotonic()
    source = (CHECKOUT / mutant.path).read_text()
    chosen = _affordable(tests.of(mutant.path, mutant.line), tests)
    (copy / mutant.path).write_text(mutant.mutated(source))
    result = _result(copy, chosen, sum(map(tests.seconds, chosen)) * TEST_FACTOR + TEST_MARGIN_SECONDS)
    (copy / mutant.path).write_text(source)
    reason = None if result else _accepted().get(f"{mutant.path}: {source.splitlines()[mutant.line - 1].strip()}")
    found = result or reason
    print(f"{'✓' if found else '✗'} {mutant}  {time.monotonic() - began:.0f} s  {found or 'SURVIVES'}", flush=True)
    if not found:
        print(f"{mutant.difference(source)}\n    {len(chosen)} tests passed", flush=True)
    return bool(found)


def _affordable(tests: Sequence[str], known: CoveringTests) -> Sequence[str]:
    chosen: list[str] = []
    seconds = 0.0
    for test in tests:
        seconds += known.seconds(test)
        if chosen and seconds > SECONDS_PER_MUTANT:
            break
        chosen.append(test)
    return chosen


def _result(copy: Path, tests: Sequence[str], seconds: float) -> str | None:
    """The failure that shows the mutant; None if all tests pass, or none executes it."""
    if not tests:
        return None
    command = [".venv/bin/python", "-m", "pytest", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "--maxfail=1"]
    environment = {**os.environ, "PYTHONPATH": importable(copy)}
    try:
        ran = subprocess.run(
            [*command, *tests], cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return "the tests do not end"
    if ran.returncode == 0:
        return None
    failures = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0] if failures else f"pytest ends with {ran.returncode}"


def _accepted() -> dict[str, str]:
    return yaml.safe_load(ACCEPTED.read_text()) or {}


if __name__ == "__main__":
    sys.exit(main())
