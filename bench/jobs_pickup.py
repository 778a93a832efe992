"""Measures how long a job waits for its start when the process is idle: from the commit in one
process to the handler in another.

    python -m bench.jobs_pickup [--jobs 300] [--apart-ms 30]

Starts a separate database server and job process; wake-ups are the real ones (NOTIFY after the
commit). Linux's monotonic clock is the same in every process.
"""

import argparse
import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import uvloop

from tests.fixtures.jobs import Service, migrate
from waypost.engine.process import Process
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups, WakeupListener
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorker
from waypost.kernel.ids import JobId
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.testing.database import Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres

DSN = "JOBS_DSN"


async def note(job: JobContext) -> int:
    return time.monotonic_ns()


async def work() -> None:
    dsn, wakeups = os.environ[DSN], LocalWakeups()
    listener = WakeupListener(PostgresListener(dsn, ["jobs"], wakeups.wake, application_name="bench-listener"))
    service = Service(dsn, [Job(note)])
    worker = JobWorker(
        service.database,
        service.units,
        service.registry,
        clock=service.clock,
        wakeup=wakeups.subscribe("jobs"),
        resources=nullcontext,
    )
    await Process([listener, worker]).run()


async def main(jobs: int, apart_ms: float) -> None:
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            database = await Templates(admin, server.admin_dsn).copy("billing", migrate)
            async with job_process(database.app):
                waits = await enqueue(database.app, jobs, apart_ms)
    percentiles = statistics.quantiles(waits, n=100)
    print(
        f"commit to start, {jobs} jobs: p50 {percentiles[49]:.2f} ms, p90 {percentiles[89]:.2f} ms, p99 {percentiles[98]:.2f} ms"
    )


@asynccontextmanager
async def job_process(dsn: str) -> AsyncIterator[None]:
    environment = {**os.environ, DSN: dsn}
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.jobs_pickup", "--work", env=environment)
    try:
        yield
    finally:
        worker.terminate()
        await worker.wait()


async def enqueue(dsn: str, jobs: int, apart_ms: float) -> list[float]:
    """Returns the milliseconds that each job waited."""
    wakeup_sender = CoalescingWakeupSender(LocalWakeups(), PostgresNotifier(dsn, application_name="bench-wakeups"))
    await wakeup_sender.start()
    service = Service(dsn, [Job(note)], wakeup_sender=wakeup_sender)
    await service.becomes("complete", await service.enqueue("note"))
    committed: list[tuple[JobId, int]] = []
    for _ in range(jobs):
        committed.append((await service.enqueue("note"), time.monotonic_ns()))
        await asyncio.sleep(apart_ms / 1000 * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    waits = [((await service.becomes("complete", job)).result - at) / 1e6 for job, at in committed]
    await wakeup_sender.drain(1)
    await wakeup_sender.stop()
    await service.database.close()
    return waits


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--apart-ms", type=float, default=30)
    parser.add_argument("--work", action="store_true", help="be the job process")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if asked.work:
        uvloop.run(work())
    else:
        asyncio.run(main(asked.jobs, asked.apart_ms))
