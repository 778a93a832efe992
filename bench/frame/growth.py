"""How the cost of our arms grows with the number of units and of processes."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from bench.frame.results import FOLDER, Entry
from bench.frame.rounds import measure_ours
from bench.frame.row import CPU, RATE, Row, Scale

FILE = FOLDER / "growth.json"
UNITS = (10_000, 100_000, 1_000_000)
SECONDS = 900
"""Deadline of a point."""


def read() -> Mapping[str, Sequence[Entry]]:
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


def measure_growth(row: Row, largest: int) -> None:
    """Measures each scale once. Stores each point at once, because the largest take minutes."""
    points: list[Entry] = []
    for units, processes in product((units for units in UNITS if units <= largest), row.processes):
        scale = Scale(units=units, processes=processes)
        sample = asyncio.run(measure_ours(replace(row, deadline_seconds=SECONDS), scale))
        rate, cpu = (float(f"{measure.of(sample):.4g}") for measure in (RATE, CPU))
        print(f"{row.id}: {units:,} units, {processes} processes: {rate:,.0f}/s, {cpu:,.4g} µs", flush=True)
        points.append({"units": units, "processes": processes, "rate": rate, "cpu": cpu})
        FILE.write_text(json.dumps({**read(), row.id: points}, indent=2) + "\n")
