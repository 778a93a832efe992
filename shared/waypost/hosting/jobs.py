"""`python -m services.<service> jobs`: apart from the worker, so that a job that ends its process takes nothing else with it."""

from waypost.engine.process import Lifecycle
from waypost.hosting.foundation import lay
from waypost.hosting.running import run_with_probes
from waypost.hosting.service import Service
from waypost.hosting.settings import JobSettings, load
from waypost.hosting.upkeep import Upkeep
from waypost.jobs.schedule import Scheduler
from waypost.jobs.tenant_directory import all_tenants, open_tenants
from waypost.jobs.worker import JobWorker
from waypost.postgres.listen import PostgresListener


async def run_jobs(service: Service) -> None:
    settings = load(JobSettings)
    foundation = lay(service, "jobs", dsn=settings.app_dsn, pool_size=settings.pool_size)
    listener = PostgresListener(
        settings.app_dsn, ["jobs"], foundation.wakeups.wake, application_name=f"{service.name}-jobs-listener"
    )
    scheduler = Scheduler(
        foundation.database,
        service.schedule,
        foundation.jobs,
        open_tenants,
        clock=foundation.clock,
        doorbell=foundation.doorbell,
    )
    worker = JobWorker(
        foundation.database,
        foundation.units,
        foundation.jobs,
        clock=foundation.clock,
        wakeup=foundation.wakeups.subscribe("jobs"),
        resources=service.job_resources,
    )
    upkeep = Upkeep(foundation.database, all_tenants)
    parts: list[Lifecycle] = [foundation.doorbell, listener, scheduler, worker, upkeep]
    await run_with_probes(service, foundation, parts, settings)
