"""Compares the CPU time per unit of our arms with the stored figures. Exits 1 if one is slower.

    python -m bench.speed [--write] [ROW …]

`--write` stores the figures in `bench/results/guard.json`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from bench.frame import guard
from bench.frame.peers import install_peers
from bench.table import ROWS, add_rows_argument
from waypost.engine.process import tune_garbage_collector

GUARDED = [name for name, row in ROWS.items() if row.guarded]


def main(names: Sequence[str], *, write: bool) -> int:
    """Returns the exit code."""
    stored, slower = guard.read(), False
    for name in names:
        before = None if write else stored.get(name)
        now = asyncio.run(guard.figure_of(ROWS[name], before))
        print(guard.verdict(ROWS[name], now, before or now), flush=True)
        slower |= before is not None and guard.is_slower(now, before)
        if write:
            guard.write({name: now})
    return 1 if slower else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, GUARDED)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    tune_garbage_collector()
    install_peers()
    sys.exit(main(asked.rows, write=asked.write))
