"""B8: the way of an event through two services, beside the raw parts of this way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from statistics import median

from bench.commit_to_job import collect, processes, write
from bench.commit_to_job_parts import raw_parts
from bench.frame.cpu import Stopwatch
from bench.frame.durability import durability_of
from bench.frame.row import OURS, P50, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.relay_parts import Parts
from bench.relay_rows import parts_of
from tests.fixtures import jobs

APART_MS = 30.0
SECONDS = 60
"""Limit of a round."""
RAW = "the raw parts, one after the other"


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with parts_of(servers) as parts, servers.databases() as databases:
        billing = await databases("billing", jobs.migrate)
        durability = {**await durability_of(billing.app), "acks": "all"}
        async with processes(parts, billing) as running:
            yield [
                Arm(name=OURS, run=partial(ours, parts, running, scale.units), durability=durability),
                Arm(name=RAW, run=partial(raw, parts, scale.units), durability=durability),
            ]


async def ours(parts: Parts, running: Sequence[asyncio.subprocess.Process], events: int) -> Sample:
    output = running[-1].stdout
    assert output is not None
    watch = Stopwatch(*(process.pid for process in running))
    async with asyncio.timeout(SECONDS):
        begun, committed = await asyncio.gather(collect(output, events), write(parts.database.app, events, APART_MS))
    handled = [(begun[number][0] - at) / 1e6 for number, at in committed.items()]
    started = [(begun[number][1] - at) / 1e6 for number, at in committed.items()]
    return watch.sample(events, started, {"ms to the handler (p50)": median(handled)})


async def raw(parts: Parts, events: int) -> Sample:
    watch = Stopwatch()
    return watch.sample(events, await raw_parts(parts, events))


ROWS = [
    Row(
        id="B8",
        work="commit → handled in the other service → its job begun",
        unit="event",
        goals=[Goal(measure=P50, bound=8, relative=False), Goal(measure=P50, bound=1.5, to=RAW)],
        arms=arms,
        scale=Scale(units=300),
        rounds=2,
    )
]
