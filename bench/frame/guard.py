"""Compares the CPU time per unit of our arms with the stored figures.

A figure is the CPU time of a unit divided by that of a calibration loop, which runs right before
and after: on a slower machine both grow. The minimum of several runs counts, because other load on
the machine only adds time.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import orjson

from bench.frame.own_loop import on_uvloop
from bench.frame.progress import Progress
from bench.frame.results import FOLDER
from bench.frame.rounds import limited
from bench.frame.row import CPU, Arm, Row
from bench.frame.servers import Servers

FILE = FOLDER / "guard.json"
TOLERANCE = 0.10
FEWEST_RUNS, MOST_RUNS = 3, 8
RUNS_TO_STORE = 5
PART = 2
"""A run has this part of the units of a benchmark round."""


class Figure(TypedDict):
    cpu_us: float
    """CPU time per unit on the machine that stored it, for readers."""
    calibrated: float
    """The same, as thousandths of the calibration loop; this is compared."""


def read(file: Path = FILE) -> dict[str, Figure]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def write(figures: Mapping[str, Figure], file: Path = FILE) -> None:
    file.write_text(json.dumps(dict(sorted({**read(file), **figures}.items())), indent=2) + "\n")


def calibrate() -> float:
    """CPU seconds of a fixed piece of work like that of a service: calls, dictionaries, hashes,
    JSON.
    """
    began, document = time.process_time(), {str(number): [number, "text"] for number in range(50)}
    for _ in range(3000):
        text = orjson.dumps(document)
        for name, value in orjson.loads(text).items():
            document[name] = [value[0], value[1]]
        hashlib.sha256(text).hexdigest()
    return time.process_time() - began


async def figure_of(row: Row, stored: Figure | None) -> Figure:
    """Measures until the figure is within the tolerance of the stored one, or `MOST_RUNS` times."""
    async with limited(row, Progress(row)), row.servers() as servers:
        return await on_uvloop(_figure_of(row, servers, stored))


async def _figure_of(row: Row, servers: Servers, stored: Figure | None) -> Figure:
    async with row.arms(servers, replace(row.scale, units=row.scale.units // PART)) as (ours, *_):
        await ours.run()  # warm-up
        runs = [await _run(ours) for _ in range(FEWEST_RUNS if stored else RUNS_TO_STORE)]
        while stored and len(runs) < MOST_RUNS and is_slower(_best(runs), stored):
            runs.append(await _run(ours))
    return _best(runs)


def _best(runs: Sequence[Figure]) -> Figure:
    return min(runs, key=lambda run: run["calibrated"])


async def _run(ours: Arm) -> Figure:
    before = calibrate()
    cpu_us = CPU.of(await ours.run())
    loop_us = (before + calibrate()) / 2 * 1e6
    return {"cpu_us": float(f"{cpu_us:.4g}"), "calibrated": float(f"{cpu_us / loop_us * 1000:.4g}")}


def is_slower(now: Figure, stored: Figure) -> bool:
    return now["calibrated"] > stored["calibrated"] * (1 + TOLERANCE)


def verdict(row: Row, now: Figure, stored: Figure | None) -> str:
    """One line, or the error with its reason and its remedy."""
    if stored is None:
        return f"{row.id}: {now['cpu_us']:,.4g} µs per {row.unit}; no figure is stored: {_write(row)}"
    change = now["calibrated"] / stored["calibrated"] - 1
    line = f"{row.id}: {now['cpu_us']:,.4g} µs of CPU per {row.unit}, {change:+.0%} of the stored figure"
    if is_slower(now, stored):
        return (
            f"{line}: slower than the tolerance of {TOLERANCE:.0%}.\n"
            "  why:   a change since the stored figure makes our code do more work per unit; the speed of the\n"
            f"         machine is calibrated out, and the best of {MOST_RUNS} runs counts\n"
            f"  to do: find the work with `python -m bench.profile {row.id}` and remove it; if it is worth its cost,\n"
            f"         {_write(row)} and give the reason in the commit"
        )
    return line if change >= -TOLERANCE else f"{line}: faster; {_write(row)}, so that it stays so"


def _write(row: Row) -> str:
    return f"store it with `make check-speed ROW={row.id} WRITE=1`"
