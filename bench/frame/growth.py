"""How the cost of our arms grows with the number of units and of processes."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from bench.frame.results import FOLDER, Entry
from bench.frame.rounds import measure_ours
from bench.frame.row import CPU, RATE, Row, Scale

FILE = FOLDER / "growth.json"
UNITS = (10_000, 100_000, 1_000_000)


def read() -> Mapping[str, Sequence[Entry]]:
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


def measure_growth(row: Row) -> None:
    """Measures each scale once and stores the points of the row."""
    points = []
    for units in UNITS:
        for processes in row.processes:
            (sample,) = asyncio.run(measure_ours(row, Scale(units=units, processes=processes), rounds=1))
            point = {"units": units, "processes": processes, "rate": RATE.of(sample), "cpu": CPU.of(sample)}
            points.append({key: float(f"{value:.4g}") for key, value in point.items()})
            print(f"{row.id}: {units:,} units, {processes} processes: {point['rate']:,.0f}/s, {point['cpu']:,.1f} µs")
    FILE.write_text(json.dumps({**read(), row.id: points}, indent=2) + "\n")
