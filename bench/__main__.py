"""Measures rows of the benchmark table, each beside its peers, and writes the results.

    python -m bench [--growth] [ROW …]

Writes `bench/results/latest.json` after each row, and `docs/benchmarks.md` at the end. Exits 1 if
the control of a row shows that the machine was too noisy. `--growth` measures our arms alone, at
several numbers of units and processes.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from bench.frame import results
from bench.frame.document import write_document
from bench.frame.growth import measure_growth
from bench.frame.peers import install_peers
from bench.frame.printed import print_row
from bench.frame.rounds import measure
from bench.frame.row import Row
from bench.table import ROWS, add_rows_argument
from waypost.engine.process import tune_garbage_collector


def main(names: Sequence[str]) -> int:
    """Returns the exit code."""
    install_peers()
    noisy = [name for name in names if not is_quiet(ROWS[name])]
    write_document()
    if noisy:
        print(f"\nToo noisy: {', '.join(noisy)}. Their results are marked; run these rows again on a quiet machine.")
    return 1 if noisy else 0


def is_quiet(row: Row) -> bool:
    """Measures the row, stores and prints the result. True if its control is within the bounds."""
    print(f"\n{row.id}: measuring …", flush=True)
    entry = results.entry_of(row, asyncio.run(measure(row, row.scale)))
    results.write({row.id: entry})
    print_row(row.id, entry)
    return bool(entry["quiet"])


def grow(names: Sequence[str]) -> int:
    for name in names:
        if ROWS[name].processes:
            measure_growth(ROWS[name])
    write_document()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, list(ROWS))
    parser.add_argument("--growth", action="store_true")
    asked = parser.parse_args()
    tune_garbage_collector()
    sys.exit(grow(asked.rows) if asked.growth else main(asked.rows))
