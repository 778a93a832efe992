"""A relay, a consumer of another service and its job worker, for `bench.commit_to_job_rows`.

    python -m bench.commit_to_job relay|consumer|jobs

They share only the servers, so that wake-ups are real. Linux's monotonic clock is the same in every
process.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

import uvloop

from bench.relay_parts import Parts
from infra.stack.places import CHECKOUT, inherited
from schemas.users import UserCreated
from tests.fixtures import jobs as billing
from waypost.engine.consumer import ConsumerGroup
from waypost.engine.process import Process
from waypost.engine.relay import Relay
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.hosting.runtime import build_runtime
from waypost.hosting.service import Service
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorker
from waypost.kafka.consumer import KafkaSubscription
from waypost.kafka.producer import KafkaBroker
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.consumers import Reactor, group_name
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.database import Database
from waypost.postgres.event_store import NewEvent
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.outbox import writer
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.envelopes import envelope_of

OUTBOX, BILLING, BOOTSTRAP = "BENCH_OUTBOX_DSN", "BENCH_BILLING_DSN", "BENCH_BOOTSTRAP"
ROLES = ("relay", "consumer", "jobs")


async def note(job: JobContext, number: str, handled_ns: int) -> None:
    print(number, handled_ns, time.monotonic_ns(), flush=True)


async def react(created: Envelope[UserCreated], uow: UnitOfWork) -> None:
    await uow.jobs.enqueue("note", number=created.event.display_name, handled_ns=time.monotonic_ns())


REACTOR = Reactor("notes", {UserCreated: react})
DECLARATION = Service(
    name="billing", codec=billing.CODEC, commands={}, projections=[], consumers=[REACTOR], jobs=[Job(note)]
)


async def run_relay() -> None:
    dsn, wakeups = os.environ[OUTBOX], LocalWakeups()
    listener = WakeupListener(PostgresListener(dsn, ["outbox"], wakeups.wake, application_name="bench-listener"))
    await Process([listener, Relay(PostgresOutbox(dsn), KafkaBroker(os.environ[BOOTSTRAP]), wakeups)]).run()


async def run_consumer() -> None:
    runtime = build_runtime(DECLARATION, "worker", dsn=os.environ[BILLING], pool_size=5)
    name = group_name("billing", REACTOR)
    group = ConsumerGroup(
        "billing",
        REACTOR,
        KafkaSubscription(os.environ[BOOTSTRAP], name),
        PostgresConsumerTransactions(runtime.database, runtime.units, REACTOR, name=name),
        billing.CODEC,
        clock=runtime.clock,
    )
    await Process([runtime.wakeup_sender, group]).run()


async def run_jobs() -> None:
    dsn = os.environ[BILLING]
    runtime = build_runtime(DECLARATION, "jobs", dsn=dsn, pool_size=5)
    listener = WakeupListener(PostgresListener(dsn, ["jobs"], runtime.wakeups.wake, application_name="bench-jobs"))
    worker = JobWorker(
        runtime.database,
        runtime.units,
        runtime.jobs,
        clock=runtime.clock,
        wakeup=runtime.wakeups.subscribe("jobs"),
        resources=nullcontext,
    )
    await Process([listener, worker]).run()


@asynccontextmanager
async def processes(parts: Parts, database: ServiceDatabase) -> AsyncIterator[Sequence[asyncio.subprocess.Process]]:
    """One process for each of `ROLES`, in this order."""
    environment = {
        **inherited(),
        OUTBOX: parts.database.relay,
        BILLING: database.app,
        BOOTSTRAP: parts.bootstrap,
    }
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.commit_to_job", role),
            env=environment,
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE if role == "jobs" else asyncio.subprocess.DEVNULL,  # others only log
        )
        for role in ROLES
    ]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in running))


async def write(dsn: str, events: int, apart_ms: float) -> dict[str, int]:
    """Commits one event at a time, and notifies as a unit of work does. Returns the time of each
    commit, by the event's number.
    """
    committed: dict[str, int] = {}
    wakeup_sender = CoalescingWakeupSender(LocalWakeups(), PostgresNotifier(dsn, application_name="bench-wakeups"))
    await wakeup_sender.start()
    database = Database(dsn, application_name="bench-writer", pool_size=1, schemas=[])
    tenant = TenantId(new_id())
    for number in range(events):
        user, at = new_id(), datetime.now(UTC)
        event = UserCreated(
            tenant_id=tenant,
            user_id=user,
            display_name=str(number),
            locale="en",
            email="a@example.com",
            role="member",
            created_at=at,
        )
        written = [NewEvent.of(envelope_of(event, user), billing.CODEC)]
        async with database.transaction([tenant]) as connection:
            await writer.insert(connection, written, at)
        committed[str(number)] = time.monotonic_ns()
        wakeup_sender.send("outbox")
        await asyncio.sleep(apart_ms / 1000 * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    await wakeup_sender.drain(1)
    await wakeup_sender.stop()
    await database.close()
    return committed


async def collect(output: asyncio.StreamReader, events: int) -> dict[str, tuple[int, int]]:
    """When the event of each job was handled, and when the job began, by the event's number. Other
    output is logs.
    """
    begun: dict[str, tuple[int, int]] = {}
    while len(begun) < events:
        line = await output.readline()
        assert line, "the job process ended"
        words = line.decode().split()
        if len(words) == 3 and words[1].isdigit():
            begun[words[0]] = int(words[1]), int(words[2])
    return begun


if __name__ == "__main__":
    (role,) = sys.argv[1:]
    uvloop.run({"relay": run_relay, "consumer": run_consumer, "jobs": run_jobs}[role]())
