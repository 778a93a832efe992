"""B2: jobs that do nothing, drained by one process with 10 slots and with 200, beside PgQueuer and
procrastinate.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from bench import jobs_drain
from bench.frame.durability import durability_of
from bench.frame.peers import PYTHON
from bench.frame.row import OURS, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from tests.fixtures.jobs import migrate
from waypost.testing.database import Templates, connected

SLOTS = 200
FEW_SLOTS = 10


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
        "ours, 10 slots": jobs_drain.Arm("ours", FEW_SLOTS, this),
        "PgQueuer, 10 slots": jobs_drain.Arm("PgQueuer", FEW_SLOTS, pgqueuer),
        "procrastinate, 10 slots": jobs_drain.Arm("procrastinate", FEW_SLOTS, procrastinate, share=0.1),
    }


async def drain(arm: jobs_drain.Arm, scale: Scale, admin: asyncpg.Connection) -> Sample:
    jobs = round(scale.units * arm.share)
    run = await jobs_drain.measure(arm, jobs, admin)
    return Sample(
        units=jobs,
        seconds=run.seconds * jobs,
        cpu_seconds=run.cpu_seconds * jobs,
        further={"WAL bytes per job": run.wal_bytes, "commits per job": run.commits},
    )


ROWS = [
    Row(
        id="B2",
        work="jobs that do nothing, drained by one process with 200 slots",
        unit="job",
        goals=[Goal(measure=RATE, bound=1.0)],
        arms=arms,
        scale=Scale(units=10_000),
        processes=(1,),
        guarded=True,
    )
]
