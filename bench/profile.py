"""Profiles our arm of a row by py-spy, and writes the table and the flame graph into the document.

python -m bench.profile [ROW …]
"""

import argparse
import asyncio
import sys
from pathlib import Path
from statistics import median

import uvloop

from bench.frame import profiles
from bench.frame.document import PICTURES, write_document
from bench.frame.flame_graph import draw_flame_graph
from bench.frame.row import CPU, Arm, Row
from bench.frame.servers import Servers
from bench.table import ROWS, add_rows_argument

SPY = Path(sys.executable).parent / "py-spy"
SECONDS = 20
RATE = 500
"""Samples per second."""
PROFILED = [name for name, row in ROWS.items() if row.profiled]


async def profile(row: Row) -> None:
    async with row.servers() as servers:
        await asyncio.to_thread(uvloop.run, _profile(row, servers))


async def _profile(row: Row, servers: Servers) -> None:
    async with row.arms(servers, row.scale) as (ours, *_):
        cpu_us = median([CPU.of(await ours.run()) for _ in range(4)][1:])
        file = servers.folder / "stacks"
        await record(ours, file)
    stacks = profiles.parsed(file.read_text())
    profiles.store(row.id, profiles.summary(stacks, cpu_us))
    draw_flame_graph(stacks, PICTURES / f"flame-{row.id}.svg")


async def record(arm: Arm, file: Path) -> None:
    options = ("--rate", str(RATE), "--duration", str(SECONDS), "--format", "raw", "--gil", "--output", str(file))
    spy = await asyncio.create_subprocess_exec(
        *(SPY, "record", "--pid", str(arm.pid), *options), stdout=asyncio.subprocess.DEVNULL
    )
    while spy.returncode is None:
        await arm.run()
    assert spy.returncode == 0, "py-spy failed; it needs the right to trace processes: run this as root"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rows_argument(parser, PROFILED)
    for name in parser.parse_args().rows:
        asyncio.run(profile(ROWS[name]))
    write_document()
