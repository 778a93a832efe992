"""Measures the way of an event through two services: from the commit in one to its handler in the
other, and to the start of the job that the handler enqueued.

    python -m bench.commit_to_job [--events 300] [--apart-ms 30]

Four processes, as in a deployment: this one writes, the others run the relay, the consumer and the
job worker. They share only the servers, so that wake-ups are real. Linux's monotonic clock is the
same in every process. The raw parts are measured beside it.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import asyncpg
import uvloop

from bench.commit_to_job_parts import raw_parts
from bench.relay_parts import Parts, running_parts
from schemas.users import UserCreated
from tests.fixtures import jobs as billing
from waypost.engine.consumer import ConsumerGroup, group_name
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
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.database import Database
from waypost.postgres.event_store import NewEvent
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.outbox import writer
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Templates
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


async def work(role: str) -> None:
    """Runs one of the three processes until a signal."""
    await {"relay": run_relay, "consumer": run_consumer, "jobs": run_jobs}[role]()


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


async def main(events: int, apart_ms: float) -> None:
    async with running_parts() as parts:
        admin = await asyncpg.connect(parts.admin_dsn)
        database = await Templates(admin, parts.admin_dsn).copy("billing", billing.migrate)
        await admin.close()
        async with processes(parts, database) as (jobs, committed):
            await write(parts.database.app, 1, apart_ms, committed, first=-1)  # warm-up: every process works
            begun = dict([await next_job(jobs)])
            reading = asyncio.create_task(collect(jobs, begun, events))
            await write(parts.database.app, events, apart_ms, committed)
            await asyncio.wait_for(reading, 60)
        raw = await raw_parts(parts, events)
    del committed["-1"]
    handled = [(begun[number][0] - at) / 1e6 for number, at in committed.items()]
    started = [(begun[number][1] - at) / 1e6 for number, at in committed.items()]
    report("commit to handler", handled)
    report("commit to job begun", started)
    report("raw parts", raw)
    print(f"ours / raw parts: {statistics.median(started) / statistics.median(raw):.2f} (medians)")


@asynccontextmanager
async def processes(
    parts: Parts, database: ServiceDatabase
) -> AsyncIterator[tuple[asyncio.StreamReader, dict[str, int]]]:
    environment = {
        **os.environ,
        OUTBOX: parts.database.relay,
        BILLING: database.app,
        BOOTSTRAP: parts.bootstrap,
    }
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.commit_to_job", "--work", role),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        for role in ROLES
    ]
    output = running[-1].stdout
    assert output is not None
    try:
        yield output, {}
    finally:
        for process in running:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in running))


async def write(dsn: str, events: int, apart_ms: float, committed: dict[str, int], *, first: int = 0) -> None:
    """Commits one event at a time, and notifies as a unit of work does."""
    wakeup_sender = CoalescingWakeupSender(LocalWakeups(), PostgresNotifier(dsn, application_name="bench-wakeups"))
    await wakeup_sender.start()
    database = Database(dsn, application_name="bench-writer", pool_size=1, schemas=[])
    tenant = TenantId(new_id())
    for number in range(first, first + events):
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


async def next_job(jobs: asyncio.StreamReader) -> tuple[str, tuple[int, int]]:
    """The next job's number, and when its event was handled and it began. Other output is logs."""
    while text := (await jobs.readline()).decode():
        words = text.split()
        if len(words) == 3 and words[1].isdigit():
            return words[0], (int(words[1]), int(words[2]))
    raise RuntimeError("the job process ended")


async def collect(jobs: asyncio.StreamReader, begun: dict[str, tuple[int, int]], events: int) -> None:
    while len(begun) <= events:
        begun.update([await next_job(jobs)])


def report(name: str, milliseconds: Sequence[float]) -> None:
    p = statistics.quantiles(milliseconds, n=100)
    print(f"{name:<22} p50 {p[49]:6.2f} ms   p90 {p[89]:6.2f} ms   p99 {p[98]:6.2f} ms   ({len(milliseconds)} events)")


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--apart-ms", type=float, default=30)
    parser.add_argument("--work", choices=ROLES, help="be one of the other processes")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.work:
        uvloop.run(work(asked.work))
    else:
        asyncio.run(main(asked.events, asked.apart_ms))
