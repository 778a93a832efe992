"""B11: the cost of an enqueue in the business transaction, and of the wake-up after its commit."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from bench.frame.cpu import Stopwatch
from bench.frame.durability import durability_of
from bench.frame.row import OURS, RATE, TIMED, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.jobs_enqueue import Enqueue, charge, nothing, ours, prepare, write
from tests.fixtures.jobs import Service, migrate
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups
from waypost.jobs.declaration import Job
from waypost.postgres.listen import PostgresNotifier
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

WRITERS = 16
SECONDS = 3.0


@asynccontextmanager
async def enqueueing(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with servers.databases() as databases:
        database = await databases("billing", migrate)
        tables = await prepare(database, [])
        service = Service(database.app, [Job(charge)], pool_size=WRITERS)
        yield [
            await arm(OURS, database, tables, service, ours),
            await arm("the same transaction without an enqueue", database, tables, service, nothing),
        ]
        await service.close()


@asynccontextmanager
async def notifying(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with servers.databases() as databases:
        database = await databases("billing", migrate)
        tables = await prepare(database, [])
        notifier = PostgresNotifier(database.app, application_name="bench-wakeups")
        sender = CoalescingWakeupSender(LocalWakeups(), notifier)
        await sender.start()
        waking = Service(database.app, [Job(charge)], pool_size=WRITERS, wakeup_sender=sender)
        silent = Service(database.app, [Job(charge)], pool_size=WRITERS)
        yield [
            await arm(OURS, database, tables, waking, ours),
            await arm("the same without a wake-up", database, tables, silent, ours),
        ]
        await sender.drain(1)
        await sender.stop()
        await waking.close()
        await silent.close()


async def arm(name: str, database: ServiceDatabase, tables: str, service: Service, enqueue: Enqueue) -> Arm:
    run = partial(transactions, database, tables, service, enqueue)
    return Arm(name=name, run=run, durability=await durability_of(database.app))


async def transactions(database: ServiceDatabase, tables: str, service: Service, enqueue: Enqueue) -> Sample:
    async with connected(database.owner) as owner:
        await owner.execute(f"truncate {tables}")
    watch, end = Stopwatch(), time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(write(service, enqueue, end) for _ in range(WRITERS)))
    return watch.sample(sum(counts))


ROWS = [
    Row(
        id="B11",
        work="enqueue in the business transaction, 16 writers",
        unit="transaction",
        goals=[Goal(measure=RATE, bound=0.9)],
        arms=enqueueing,
        scale=TIMED,
    ),
    Row(
        id="B11-wakeup",
        work="wake-up after the commit, 16 writers",
        unit="transaction",
        goals=[Goal(measure=RATE, bound=0.97)],
        arms=notifying,
        scale=TIMED,
    ),
]
