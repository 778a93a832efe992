"""Measures rows of the benchmark table, each beside its peers, and writes the results.

    python -m bench [ROW …]

Writes `bench/results/latest.json` after each row, and `docs/benchmarks.md` at the end. Exits 1 if
the control of a row shows that the machine was too noisy.
"""

import argparse
import asyncio
import sys

from bench.frame import results
from bench.frame.document import write_document
from bench.frame.printed import print_row
from bench.frame.rounds import measure
from bench.table import ROWS
from waypost.engine.process import tune_garbage_collector


def main(names: list[str]) -> int:
    tune_garbage_collector()
    noisy = []
    for name in names or ROWS:
        row = ROWS[name]
        print(f"{name}: {row.work} …", flush=True)
        entry = results.entry_of(row, asyncio.run(measure(row, row.scale)))
        results.write({name: entry})
        print_row(name, entry)
        if not entry["quiet"]:
            noisy.append(name)
    write_document()
    if noisy:
        print(f"\nToo noisy: {', '.join(noisy)}. Their results are marked; run these rows again on a quiet machine.")
    return 1 if noisy else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ROWS, []], help=f"one of {', '.join(ROWS)}")
    sys.exit(main(parser.parse_args().rows))
