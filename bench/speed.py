"""Compares the CPU time per unit of our arms with the stored figures. Exits 1 if one is slower or
has no stored figure.

    python -m bench.speed [--write] [ROW …]

`--write` stores the figures in `bench/results/guard.json`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from bench.frame import guard
from bench.frame.peers import install_peers
from bench.frame.row import Row
from bench.table import ROWS, add_rows_argument
from waypost.engine.process import tune_garbage_collector

GUARDED = [name for name, row in ROWS.items() if row.guarded]


def main(names: Sequence[str], *, write: bool) -> int:
    """Returns the exit code."""
    return max(store(ROWS[name]) if write else check(ROWS[name]) for name in names)


def store(row: Row) -> int:
    now = asyncio.run(guard.figure_of(row, None))
    guard.write({row.id: now})
    print(f"{row.id}: stored {now['cpu_us']:,.4g} µs of CPU per {row.unit}", flush=True)
    return 0


def check(row: Row) -> int:
    stored = guard.read().get(row.id)
    now = asyncio.run(guard.figure_of(row, stored))
    print(guard.verdict(row, now, stored), flush=True)
    return 1 if stored is None or guard.is_slower(now, stored) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, GUARDED)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    tune_garbage_collector()
    install_peers()
    sys.exit(main(asked.rows, write=asked.write))
