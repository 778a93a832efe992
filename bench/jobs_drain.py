"""Measures how many no-op jobs one job process completes per second: claim, attempt, outcome, each
in a transaction.

    python -m bench.jobs_drain [--jobs 1000] [--rounds 3]

Starts a separate database server. Repeats it for several numbers of slots, because attempts can
share a commit (group commit). The pool has five connections, like that of a job process.
"""

import argparse
import asyncio
import statistics
import time
from typing import Any

import uvloop

from tests.fixtures.jobs import Service, migrate
from waypost.engine.process import tune_garbage_collector
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.tenant import bound_tenants
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.postgres import running_postgres

PLACES = (1, 10, 50)


async def nothing(job: JobContext) -> None: ...


async def main(jobs: int, rounds: int) -> None:
    with scratch_folder() as folder:
        async with running_postgres(folder) as server, connected(server.admin_dsn) as admin:
            database = await Templates(admin, server.admin_dsn).copy("billing", migrate)
            # The server needs asyncio's own loop, which can start a process as another user; a
            # service runs on uvloop.
            await asyncio.to_thread(uvloop.run, measure(database, jobs, rounds))


async def measure(database: ServiceDatabase, jobs: int, rounds: int) -> None:
    tune_garbage_collector()
    service = Service(database.app, [Job(nothing)])
    rates: dict[int, list[float]] = {places: [] for places in PLACES}
    for _ in range(rounds):
        for places, each in rates.items():
            each.append(await drain(service, jobs, places))
    await service.database.close()
    for places, each in rates.items():
        ratio = statistics.median(rate / one for rate, one in zip(each, rates[PLACES[0]], strict=True))
        print(f"{places:>3} places {statistics.median(each):>8,.0f} jobs/s {ratio:>6.2f}×")


async def drain(service: Service, jobs: int, places: int) -> float:
    """Jobs per second, from the start of a worker to the last outcome."""
    with bound_tenants([service.tenant]):
        async with service.units.begin() as unit:
            for _ in range(jobs):
                await unit.jobs.enqueue("nothing")
    begin = time.perf_counter()
    async with service.working(settings=JobWorkerSettings(max_jobs=places)):
        while await service.fetch("select from jobs limit 1"):  # noqa: ASYNC110 - the server does not notify of the last outcome
            await asyncio.sleep(0.01)
        seconds = time.perf_counter() - begin
    return jobs / seconds


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(**vars(arguments())))
