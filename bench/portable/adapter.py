"""Waypost's adapter for the harness: a producer and a job process in one program.

    python -m bench.portable.adapter

The harness starts it, with settings in the environment. Standard output is telemetry (one JSON
object per line); logs go to standard error. Jobs are enqueued in transactions of a service's units
of work and run by all parts of its job process (`waypost.hosting.jobs`), with the toolkit's
migrations, roles and row-level security.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import structlog
import uvloop

from bench.portable.accounts import AcknowledgedJobs
from bench.portable.pacing import DepthTarget, FixedRate, HarnessTokens, Pacing, controlled_rate, standard_input
from bench.portable.samples import Measurements, Rates, descriptor, records, until_next
from bench.portable.settings import AdapterSettings, Producer, settings_from
from waypost.engine.periodic_loop import FunctionLoop
from waypost.engine.process import Lifecycle
from waypost.hosting.jobs import job_parts
from waypost.hosting.process_runner import run_parts
from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import JobSettings
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.postgres.database import Database
from waypost.postgres.direct import CONNECT_SECONDS
from waypost.postgres.hosts import connect
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.provisioning.databases import ServiceDatabase, ensure_database, service_database
from waypost.postgres.provisioning.roles import DatabaseRole, checked, ensure_roles, role_name
from waypost.postgres.revisions import TOOLKIT
from waypost.telemetry import logging

MANIFEST = json.loads(Path(__file__).with_name("adapter.json").read_text())
NAME = "portable"
TENANTS = 20
DEPTH_SECONDS = 0.2

_DEPTH = "select count(*) from jobs where status = 'queued'"

log = structlog.get_logger()


async def measured_job(job: JobContext[Measurements], created_at_us: int, padding: str) -> None:
    """Records how long it waited since its producer began to enqueue it, and works."""
    job.resources.latencies.record(time.time_ns() // 1000 - created_at_us)
    await asyncio.sleep(job.resources.work_seconds)
    job.resources.completed += 1


def declared_service(measurements: Measurements) -> Service:
    return Service(
        name=NAME,
        commands={},
        projections=[],
        consumers=[],
        jobs=[Job(measured_job)],
        job_resources=lambda: nullcontext(measurements),
    )


async def provision(database_url: str) -> ServiceDatabase:
    """Creates the service's roles and tables in the harness's database, as for every service. The
    roles have the password of the URL's superuser, because each instance and each restart needs
    them.
    """
    parts = urlsplit(database_url)
    name, passwords = parts.path.lstrip("/"), dict.fromkeys(DatabaseRole, parts.password or "")
    admin = await connect(database_url, timeout=CONNECT_SECONDS)
    try:
        await ensure_roles(admin, NAME, passwords)
        await admin.execute(f'alter database "{checked(name)}" owner to {role_name(NAME, DatabaseRole.OWNER)}')
        await ensure_database(admin, NAME, name)
    finally:
        await admin.close()
    database = service_database(database_url, NAME, name, passwords)
    await migrate_toolkit(NAME, database.owner)
    return database


class BatchProducer:
    """Enqueues each batch in one transaction. Tenants take turns."""

    def __init__(
        self,
        runtime: Runtime,
        pacing: Pacing,
        measurements: Measurements,
        padding: str,
        acknowledged: AcknowledgedJobs,
    ) -> None:
        self._runtime = runtime
        self._pacing = pacing
        self._measurements = measurements
        self._padding = padding
        self._acknowledged = acknowledged
        self._tenants = cycle([TenantId(new_id()) for _ in range(TENANTS)])
        self._failing = False

    async def produce(self) -> float:
        """One batch. A batch that fails is counted and not offered again, as in other adapters."""
        count = await self._pacing.next()
        if count:
            try:
                ids = await self._enqueue(count)
            except Transient as error:
                self._measurements.refused += count
                if not self._failing:
                    log.warning("batches_refused", error=str(error))
                self._failing = True
            else:
                self._acknowledged.add(ids)
                self._measurements.enqueued += count
                self._failing = False
        return 0.0

    async def _enqueue(self, count: int) -> list[JobId]:
        """Returns after the commit."""
        created_at_us = time.time_ns() // 1000
        with bound_tenants([next(self._tenants)]):
            async with self._runtime.units.begin() as unit:
                return [
                    await unit.jobs.enqueue("measured_job", created_at_us=created_at_us, padding=self._padding)
                    for _ in range(count)
                ]


async def pacing_of(settings: AdapterSettings, measurements: Measurements) -> Pacing:
    def rate() -> float:
        return controlled_rate(settings.rate_file, settings.rate)

    match settings.producer:
        case Producer.HARNESS:
            return HarnessTokens(await standard_input())
        case Producer.FIXED:
            return FixedRate(rate, batch_max=settings.batch_max, batch_seconds=settings.batch_seconds)
        case Producer.DEPTH:
            return DepthTarget(settings.target_depth, lambda: measurements.depth, batch_max=settings.batch_max)


def measuring_parts(
    settings: AdapterSettings, database: Database, measurements: Measurements, write: Callable[[str], None]
) -> list[Lifecycle]:
    """The loops that read the queue's depth and write the samples."""
    rates = Rates(measurements)

    async def read_depth() -> None:
        (row,) = await database.fetch(_DEPTH)
        measurements.depth = row["count"]

    begun = False

    async def sample() -> float:
        """The first one only begins the period, at a multiple of its length."""
        nonlocal begun
        read = rates.read()
        if not begun:
            begun = True
            return until_next(settings.sample_every_seconds, time.time())
        measurements.target_rate = controlled_rate(settings.rate_file, settings.rate)
        for line in records(
            measurements, read, instance=settings.instance, every_seconds=settings.sample_every_seconds
        ):
            write(line)
        return until_next(settings.sample_every_seconds, time.time())

    sampler: list[Lifecycle] = [FunctionLoop(sample, name="samples", every_seconds=settings.sample_every_seconds)]
    if settings.instance == 0 or settings.producer is Producer.DEPTH:
        sampler.append(FunctionLoop(read_depth, name="queue depth", every_seconds=DEPTH_SECONDS))
    return sampler


async def run(settings: AdapterSettings, telemetry: TextIO) -> None:
    write = partial(print, file=telemetry, flush=True)
    measurements = Measurements(work_seconds=settings.work_seconds)
    service = declared_service(measurements)
    where = await provision(settings.database_url)
    write(
        descriptor(
            MANIFEST,
            version=os.environ.get("WAYPOST_VERSION", "unknown"),
            schema=TOOLKIT.revisions[-1],
            database=where.name,
            instance=settings.instance,
        )
    )
    job_settings = JobSettings(service_port=1, app_dsn=where.app)
    jobs = build_runtime(service, "jobs", dsn=where.app, pool_size=job_settings.pool_size)
    producing = build_runtime(service, "api", dsn=where.app, pool_size=2)
    producer = BatchProducer(
        producing,
        await pacing_of(settings, measurements),
        measurements,
        "x" * settings.payload_characters,
        AcknowledgedJobs(settings.acknowledged_folder, settings.instance),
    )
    parts: list[Lifecycle] = [
        *job_parts(service, jobs, dsn=where.app, settings=JobWorkerSettings(max_jobs=settings.workers)),
        producing.wakeup_sender,
        *measuring_parts(settings, producing.database, measurements, write),
        FunctionLoop(producer.produce, name="producer", every_seconds=0.0),
    ]
    try:
        await run_parts(jobs, parts, job_settings, ending=asyncio.Event())
    finally:
        await producing.database.close()
        log.info(
            "adapter_ended",
            enqueued=measurements.enqueued,
            completed=measurements.completed,
            refused=measurements.refused,
        )


def telemetry_stream() -> TextIO:
    """The real standard output. Everything else that is printed goes to standard error."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return stream


if __name__ == "__main__":
    stream = telemetry_stream()
    logging.configure(NAME, console=False)
    try:
        uvloop.run(run(settings_from(os.environ), stream))
    except Misconfigured as problem:
        sys.exit(f"adapter: {problem}")
