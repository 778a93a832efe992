"""B2: jobs that do nothing, drained by one process with 10 slots and with 200, beside PgQueuer and
procrastinate; and the time from the commit of a job to its start.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from bench import jobs_drain, jobs_pickup
from bench.frame.cpu import Stopwatch
from bench.frame.durability import durability_of
from bench.frame.peers import PYTHON
from bench.frame.row import OURS, P50, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from tests.fixtures.jobs import migrate
from waypost.testing.database import Templates, connected

SLOTS = 200
FEW_SLOTS = 10
APART_MS = 20.0


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with connected(servers.admin_dsn) as admin:
        database = await Templates(admin, servers.admin_dsn).copy("billing", migrate)
        durability = await durability_of(database.app)
        yield [
            Arm(name=name, run=partial(drain, arm, scale, admin), durability=durability)
            for name, arm in programs(database.app, servers.admin_dsn).items()
        ]


def programs(ours: str, admin: str) -> Mapping[str, jobs_drain.Arm]:
    this = (sys.executable, "-m", "bench.jobs_drain", "--drain", ours)
    pgqueuer = (str(PYTHON), "-m", "bench.peers.pgqueuer_drain", admin)
    procrastinate = (str(PYTHON), "-m", "bench.peers.procrastinate_drain", admin)
    return {
        OURS: jobs_drain.Arm("ours", SLOTS, this),
        "PgQueuer": jobs_drain.Arm("PgQueuer", SLOTS, pgqueuer),
        "ours, 10 slots": jobs_drain.Arm("ours", FEW_SLOTS, this, share=0.4),
        "PgQueuer, 10 slots": jobs_drain.Arm("PgQueuer", FEW_SLOTS, pgqueuer, share=0.4),
        "procrastinate, 10 slots": jobs_drain.Arm("procrastinate", FEW_SLOTS, procrastinate, share=0.04),
    }


async def drain(arm: jobs_drain.Arm, scale: Scale, admin: asyncpg.Connection) -> Sample:
    jobs = round(scale.units * arm.share)
    run = await jobs_drain.measure(arm, jobs, admin, scale.processes)
    return Sample(
        units=jobs,
        seconds=run.seconds * jobs,
        cpu_seconds=run.cpu_seconds * jobs,
        further={"WAL bytes per job": run.wal_bytes, "commits per job": run.commits},
    )


@asynccontextmanager
async def picked_up(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with connected(servers.admin_dsn) as admin:
        database = await Templates(admin, servers.admin_dsn).copy("billing", migrate)
    async with jobs_pickup.job_process(database.app):
        run = partial(pick_up, database.app, scale.units)
        yield [Arm(name=OURS, run=run, durability=await durability_of(database.app))]


async def pick_up(dsn: str, jobs: int) -> Sample:
    """The CPU time is that of the process that enqueues."""
    watch = Stopwatch()
    waits = await jobs_pickup.enqueue(dsn, jobs, APART_MS)
    return watch.sample(jobs, waits)


ROWS = [
    Row(
        id="B2",
        work="jobs that do nothing, drained by one process with 200 slots",
        unit="job",
        goals=[Goal(measure=RATE, bound=1.0)],
        arms=arms,
        scale=Scale(units=10_000),
        rounds=4,
        processes=(1, 2, 4),
        guarded=True,
    ),
    Row(
        id="B2-pickup",
        work="job in an idle process: commit → start of its handler",
        unit="job",
        goals=[Goal(measure=P50, bound=2.5, relative=False)],
        arms=picked_up,
        scale=Scale(units=150),
        rounds=2,
    ),
]
