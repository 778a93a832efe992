"""`python -m services.<service> jobs`: a separate process, so that a job that crashes its process
stops neither relay nor consumers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from waypost.engine.process import Lifecycle
from waypost.engine.wakeups import WakeupListener
from waypost.hosting.database_clock import DatabaseClock
from waypost.hosting.process_runner import run_with_probes
from waypost.hosting.retention_sweeper import RetentionSweeper
from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import JobSettings, load
from waypost.jobs.schedule import Scheduler
from waypost.jobs.tenant_directory import open_tenants
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.jobs.worker.loop import DEFAULTS
from waypost.postgres.listen import PostgresListener


async def run_jobs(service: Service) -> None:
    settings = load(JobSettings)
    runtime = build_runtime(service, "jobs", dsn=settings.app_dsn, pool_size=settings.pool_size)
    parts = job_parts(service, runtime, dsn=settings.app_dsn)
    await run_with_probes(service, runtime, parts, settings)


def job_parts(
    service: Service, runtime: Runtime, *, dsn: str, settings: JobWorkerSettings = DEFAULTS
) -> Sequence[Lifecycle]:
    """The parts of a job process, in their order of start. `dsn` connects as `<service>_app`."""
    listener = WakeupListener(
        PostgresListener(dsn, ["jobs"], runtime.wakeups.wake, application_name=f"{service.name}-jobs-listener")
    )
    clock = DatabaseClock(runtime.database)
    by_database_time = replace(runtime, clock=clock)
    return [
        runtime.wakeup_sender,
        listener,
        clock,
        job_scheduler(service, by_database_time),
        job_worker(service, by_database_time, settings),
        RetentionSweeper(runtime.database),
    ]


def job_scheduler(service: Service, runtime: Runtime) -> Scheduler:
    return Scheduler(
        runtime.database,
        service.schedule,
        runtime.jobs,
        open_tenants,
        clock=runtime.clock,
        wakeup_sender=runtime.wakeup_sender,
    )


def job_worker(service: Service, runtime: Runtime, settings: JobWorkerSettings = DEFAULTS) -> JobWorker[Any]:
    return JobWorker(
        runtime.database,
        runtime.units,
        runtime.jobs,
        clock=runtime.clock,
        wakeup=runtime.wakeups.subscribe("jobs"),
        resources=service.job_resources,
        settings=settings,
    )
