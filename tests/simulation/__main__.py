"""`python -m tests.simulation --schedules 1000 --seed 1`, or `make simulate SCHEDULES=1000 SEED=1`:
runs the schedules of the seeds from `--seed` on. Exits with 1 at the first broken promise.

`--replay SEED` runs one schedule and prints every step.
"""

import argparse
import os
import random
import sys

HASH_SEED = "0"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000, help="number of schedules, one per seed")
    parser.add_argument("--seed", type=int, help="the first seed; random and printed by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; one per core by default")
    parser.add_argument("--replay", type=int, metavar="SEED", help="runs this schedule alone, and prints its steps")
    options = parser.parse_args()
    _fix_order_of_sets()
    from tests.simulation import runner

    if options.replay is not None:
        return runner.replay(options.replay)
    first = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    return runner.run_all(first, options.schedules, options.workers)


def _fix_order_of_sets() -> None:
    """Starts the interpreter again with a fixed hash seed: it gives sets of text their order."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
