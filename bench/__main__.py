"""Measures rows of the benchmark table, each beside its peers, and writes the results.

    python -m bench [--growth LARGEST] [ROW …]

Writes `bench/results/latest.json` after each row, and `docs/benchmarks.md` at the end. Exits 1 if a
row failed, or if its control shows that the machine was too noisy. `--growth` measures our arms
alone, at several numbers of units and processes.
"""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from enum import Enum, auto

from bench.frame import results
from bench.frame.document import write_document
from bench.frame.growth import UNITS, measure_growth
from bench.frame.peers import install_peers
from bench.frame.printed import print_row
from bench.frame.rounds import RowTimedOut, measure
from bench.frame.row import Row
from bench.table import ROWS, add_rows_argument
from waypost.engine.process import tune_garbage_collector


def main(names: Sequence[str]) -> int:
    """Returns the exit code."""
    install_peers()
    began = time.monotonic()
    outcomes = {name: outcome_of(ROWS[name]) for name in names}
    write_document()
    print(f"\n{len(names)} rows in {(time.monotonic() - began) / 60:.1f} minutes.")
    noisy = [name for name, outcome in outcomes.items() if outcome is Outcome.NOISY]
    failed = [name for name, outcome in outcomes.items() if outcome is Outcome.FAILED]
    if noisy:
        print(f"Too noisy: {', '.join(noisy)}. Their results are marked; run these rows again on a quiet machine.")
    if failed:
        print(f"Failed: {', '.join(failed)}. The errors are above; their older results, if any, stay.")
    return 1 if noisy or failed else 0


class Outcome(Enum):
    MEASURED = auto()
    NOISY = auto()
    FAILED = auto()


def outcome_of(row: Row) -> Outcome:
    """Measures the row, stores and prints the result."""
    print(f"\n{row.id}: {row.work}", flush=True)
    try:
        entry = results.entry_of(row, asyncio.run(measure(row, row.scale)))
    except RowTimedOut as error:
        print(error)
        return Outcome.FAILED
    except Exception:  # noqa: BLE001 - the error of one row does not end the others
        traceback.print_exc(file=sys.stdout)
        return Outcome.FAILED
    results.write({row.id: entry})
    print_row(row.id, entry)
    return Outcome.MEASURED if entry["quiet"] else Outcome.NOISY


def grow(names: Sequence[str], largest: int) -> int:
    """Returns the exit code."""
    failed = []
    for name in names:
        if ROWS[name].processes:
            try:
                measure_growth(ROWS[name], largest)
            except RowTimedOut as error:
                print(error)
                failed.append(name)
    write_document()
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, list(ROWS))
    parser.add_argument("--growth", type=int, metavar="LARGEST", help="the largest number of units; 1 is 1,000,000")
    asked = parser.parse_args()
    tune_garbage_collector()
    largest = UNITS[-1] if asked.growth == 1 else asked.growth
    sys.exit(grow(asked.rows, largest) if largest else main(asked.rows))
