"""B13: the events of 1,000 tenants over 16 partitions, projected by one and by four worker
processes, and with histories of different lengths.

`make bench ROW=B13-length HISTORY=1000000` measures a million events, and `HISTORY=5000000` the
whole hour. The time to publish a history is most of the row's time, so that it is short by default.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bench.frame.cpu import PostgresCpu
from bench.frame.durability import durability_of
from bench.frame.programs import program, run_program, sample_of, wait_until_ready
from bench.frame.row import CPU, OURS, RATE, SECONDS, Arm, Arms, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.history import publish
from tests.fixtures.club import club, migrate
from waypost.postgres.provisioning.databases import ServiceDatabase

LONGEST = int(os.environ.get("HISTORY", "200000"))
LENGTHS = [units for units in (10_000, 100_000, 200_000, 1_000_000, 5_000_000) if units <= max(LONGEST, 10_000)]
TOPIC = "bench-history"


REBUILD = "rebuild of the whole history"
REBUILD_SECONDS = 30.0
"""For 1,000,000 events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    processes: int = 1
    part: int = 1
    """They read this part of the history only."""


def arms_of(workers: Mapping[str, Workers], *, rebuilt: bool = False) -> Arms:
    @asynccontextmanager
    async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
        await publish(servers.bootstrap, club(TOPIC), scale.units)
        async with servers.databases() as databases:
            whole = await databases("club", migrate)
            durability = await durability_of(whole.app)

            async def run(each: Workers) -> Sample:
                database = whole if rebuilt and each.part == 1 else await databases("club", migrate)
                return await project(servers, database, each, scale.units // each.part)

            projecting = [
                Arm(name=name, run=partial(run, each), durability=durability) for name, each in workers.items()
            ]
            rebuilding = Arm(name=REBUILD, run=partial(rebuild, servers, whole), durability=durability)
            yield [*projecting, rebuilding] if rebuilt else projecting

    return arms


async def rebuild(servers: Servers, database: ServiceDatabase) -> Sample:
    """Rebuilds the rows of the longest history, which an arm has projected before."""
    given = (servers.bootstrap, database.app, database.owner, TOPIC, "2")
    return await run_program(sys.executable, "-m", "bench.rebuild_arm", *given)


async def project(servers: Servers, database: ServiceDatabase, workers: Workers, records: int) -> Sample:
    given = (servers.bootstrap, database.app, TOPIC, str(records))
    command = (sys.executable, "-m", "bench.history", *given)
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(program(*command)) for _ in range(workers.processes)]
        for process in running:
            await wait_until_ready(process)
        server = await PostgresCpu.of(servers.admin_dsn)
        samples = await asyncio.gather(*(sample_of(process, b"\n") for process in running))
    units, seconds = max(each.units for each in samples), max(each.seconds for each in samples)
    return Sample(
        units=units,
        seconds=seconds,
        cpu_seconds=sum(each.cpu_seconds for each in samples),
        further={
            "events per second": units / seconds,
            "CPU of PostgreSQL per event, µs": server.seconds() / records * 1e6,
        },
    )


SHARED = {
    OURS: Workers(processes=4),
    "one process": Workers(),
}
LONG = {OURS: Workers(processes=2)} | {
    f"{units:,} events": Workers(processes=2, part=LENGTHS[-1] // units) for units in LENGTHS[:-1]
}

CORES_FOR_RATE = 6
"""Four workers and the servers."""
FASTER = [Goal(measure=RATE, bound=3.2, to="one process")] if (os.cpu_count() or 1) >= CORES_FOR_RATE else []

ROWS = [
    Row(
        id="B13",
        work="projector of 1,000 tenants, 16 partitions, by 4 worker processes on this machine's cores",
        unit="event",
        goals=[Goal(measure=CPU, bound=1.15, to="one process"), *FASTER],
        arms=arms_of(SHARED),
        scale=Scale(units=40_000),
        rounds=2,
    ),
    Row(
        id="B13-length",
        work=f"projector of 1,000 tenants, 16 partitions, two processes, a history of {LENGTHS[-1]:,} events; and its rebuild",
        unit="event",
        goals=[
            *(Goal(measure=CPU, bound=1.15, to=name) for name in list(LONG)[1:]),
            Goal(measure=SECONDS, bound=REBUILD_SECONDS * LENGTHS[-1] / 1_000_000, relative=False, arm=REBUILD),
        ],
        arms=arms_of(LONG, rebuilt=True),
        scale=Scale(units=LENGTHS[-1]),
        once=True,
        deadline_seconds=3600 if LONGEST > 200_000 else 500,
    ),
]
