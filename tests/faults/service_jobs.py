"""A service's job process by a clock of the test's, with leases that lapse while a test watches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from waypost.engine.failpoints import arm_failpoints
from waypost.engine.process import Process
from waypost.hosting.runtime import build_runtime
from waypost.hosting.service import Service
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.kernel.clock import Clock


class ClockOnTheWall:
    """Goes with the real one, ahead by the seconds that stand in a file: time passes for a frozen process as well."""

    def __init__(self, ahead_seconds: Path) -> None:
        self._ahead_seconds = ahead_seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._ahead_seconds.read_text()))


@asynccontextmanager
async def resources_by(clock: Clock, service: Service) -> AsyncIterator[Any]:
    """What the service's jobs have."""
    async with service.job_resources() as opened:
        yield replace(opened, clock=clock)


async def work(service: Service, dsn: str, clock: Clock, *, lease_seconds: float) -> None:
    """Until it is asked to stop, or reaches an armed failpoint."""
    arm_failpoints()
    runtime = build_runtime(service, "jobs", dsn=dsn, pool_size=5)
    worker = JobWorker(
        runtime.database,
        runtime.units,
        runtime.jobs,
        clock=clock,
        wakeup=runtime.wakeups.subscribe("jobs"),
        resources=lambda: resources_by(clock, service),
        settings=JobWorkerSettings(lease_seconds=lease_seconds, poll_seconds=0.1),
    )
    await Process([runtime.doorbell, worker], drain_seconds=2).run()
    await runtime.database.close()
