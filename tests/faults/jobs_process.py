"""A job process: `python -m tests.faults.jobs_process`, configured by its environment with the
database and the duration of a lease.
"""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.jobs import Service
from tests.fixtures.process_logs import log_plainly
from waypost.engine.failpoints import arm_failpoints
from waypost.engine.process import Process
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.jobs.schedule import Scheduler
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.backoff import Backoff
from waypost.kernel.ids import TenantId
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

DSN, TENANTS, LEASE_SECONDS = "JOBS_DSN", "JOBS_TENANTS", "JOBS_LEASE_SECONDS"
AT_ONCE = Backoff(first_seconds=0.01, factor=1)


async def charge(job: JobContext, invoice_id: UUID, stop_at: str) -> int:
    """Calls a provider that stores its idempotency keys. The first attempt hangs at `stop_at`:
    before, during or after.
    """
    async with connected(os.environ[DSN]) as outside:
        await reach("before", stop_at, job, outside)
        async with outside.transaction():
            await outside.execute("insert into calls (key) values ($1)", f"inv-{invoice_id}")
            await outside.execute("insert into charges values ($1) on conflict do nothing", f"inv-{invoice_id}")
            await reach("during", stop_at, job)
        await reach("after", stop_at, job, outside)
    return os.getpid()


async def reach(point: str, stop_at: str, job: JobContext, outside: asyncpg.Connection | None = None) -> None:
    if point == stop_at and job.attempt == 1:
        async with connected(os.environ[DSN]) as own:
            await (outside or own).execute("insert into reached values ($1)", point)
        await asyncio.Event().wait()


async def process_ending(job: JobContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def neighbour(job: JobContext) -> int:
    """Takes a while, so that it would run beside the job that ends the process."""
    for _ in range(20):
        async with job.begin() as unit:
            await unit.rows.execute(text("select pg_sleep(0.01)"))
    return job.attempt


async def blocking(job: JobContext) -> str:
    """Its first attempt blocks the event loop until the test releases it, so that no heartbeat is
    sent; the second waits without blocking.
    """
    async with connected(os.environ[DSN]) as outside:
        await outside.execute("insert into reached values ($1)", f"try {job.attempt}")
    released = f"release {job.attempt}"
    if job.attempt == 1:
        subprocess.run([sys.executable, "-m", __spec__.name, released], check=True)  # noqa: ASYNC221 - the fault under test
    else:
        await until_reached(released)
    return f"try {job.attempt}"


async def slow(job: JobContext, until: str) -> str:
    await until_reached(until)
    return "done"


async def held(job: JobContext, file: str) -> None:
    """Needs no database for its work; writes `begun` and `done` next to the file that releases
    it.
    """
    Path(file).with_name("begun").touch()
    await eventually(Path(file).exists, deadline_seconds=50)
    Path(file).with_name("done").touch()


async def until_reached(point: str) -> None:
    async with connected(os.environ[DSN]) as outside:

        async def found() -> bool:
            return bool(await outside.fetchval("select exists (select from reached where point = $1)", point))

        await eventually(found, deadline_seconds=50)


async def tick(job: JobContext) -> None: ...


JOBS = [
    Job(charge, retry=AT_ONCE),
    Job(process_ending, max_attempts=3),
    Job(neighbour, max_attempts=3),
    Job(blocking),
    Job(slow),
    Job(held),
    Job(tick),
]


async def tenants(_: AsyncConnection) -> list[TenantId]:
    return [TenantId(UUID(each)) for each in os.environ[TENANTS].split(",")]


async def main() -> None:
    log_plainly()
    arm_failpoints()
    service = Service(os.environ[DSN], JOBS)
    scheduler = Scheduler(
        service.database,
        [Scheduled("tick", every=timedelta(days=1))],
        service.registry,
        tenants,
        clock=service.clock,
        wakeup_sender=service.wakeup_sender,
    )
    settings = JobWorkerSettings(lease_seconds=float(os.environ[LEASE_SECONDS]), poll_seconds=0.1)
    await Process([scheduler, service.worker(settings=settings)], drain_seconds=2).run()
    await service.database.close()


if __name__ == "__main__":
    asyncio.run(until_reached(sys.argv[1]) if len(sys.argv) > 1 else main())
