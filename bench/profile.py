"""Profiles our arm of a row, and writes the table and the flame graph into the document.

    python -m bench.profile [--before] [ROW …]

`--before` stores the profile as that of the state before a change, for comparison.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.frame import profiles
from bench.frame.document import write_document
from bench.frame.environment import sampled
from bench.frame.flame_graph import draw_flame_graph
from bench.frame.own_loop import on_uvloop
from bench.frame.peers import install_peers
from bench.frame.profiles import Stack
from bench.frame.row import CPU, Arm, Row, Sample
from bench.frame.servers import Servers
from bench.table import ROWS, add_rows_argument
from waypost.engine.process import tune_garbage_collector

SECONDS = 15.0
PROFILED = [name for name, row in ROWS.items() if row.guarded]


async def profile(row: Row, *, before: bool) -> None:
    async with row.servers() as servers:
        folder = servers.folder / "samples"
        folder.mkdir()
        with sampled(folder):
            cpu_us = await on_uvloop(_profile(row, servers, folder))
        stacks = sum((profiles.parsed(file.read_text()) for file in files_of(folder)), Counter[Stack]())
    profiles.store(row.id, {"unit": row.unit, **profiles.summary(stacks, cpu_us)}, before=before)
    draw_flame_graph(stacks, profiles.picture_of(row.id, before=before))
    print(f"{row.id}: {stacks.total()} samples, {cpu_us:,.4g} µs of CPU per {row.unit}", flush=True)


async def _profile(row: Row, servers: Servers, folder: Path) -> float:
    """The CPU time per unit. Samples of the preparation and of the warm-up are dropped."""
    async with row.arms(servers, row.scale) as (ours, *_):
        await ours.run()
        for file in files_of(folder):
            file.unlink()
        return median([CPU.of(sample) for sample in await repeated(ours)])


def files_of(folder: Path) -> Sequence[Path]:
    """One of each process."""
    return list(folder.iterdir())


async def repeated(arm: Arm) -> Sequence[Sample]:
    end, samples = time.monotonic() + SECONDS, list[Sample]()
    while time.monotonic() < end:
        samples.append(await arm.run())
    return samples


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, PROFILED)
    parser.add_argument("--before", action="store_true")
    asked = parser.parse_args()
    tune_garbage_collector()
    install_peers()
    for name in asked.rows:
        asyncio.run(profile(ROWS[name], before=asked.before))
    write_document()
