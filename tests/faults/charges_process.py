"""A job process of billing with leases that lapse while a test watches: `python -m tests.faults.charges_process`."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.billing.app import SERVICE
from services.billing.ports import Resources
from shared.engine.failpoints import arm_failpoints
from shared.engine.process import Process
from shared.hosting.foundation import lay
from shared.jobs.worker import JobWorker, WorkerSettings
from shared.kernel.clock import Clock

DSN, LEASE_SECONDS, AHEAD_SECONDS = "CHARGES_DSN", "CHARGES_LEASE_SECONDS", "CHARGES_AHEAD_SECONDS"


class ClockOnTheWall:
    """Goes with the real one, ahead by the seconds that stand in a file: time passes for a frozen process as well."""

    def __init__(self, ahead_seconds: Path) -> None:
        self._ahead_seconds = ahead_seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._ahead_seconds.read_text()))


@asynccontextmanager
async def resources(clock: Clock) -> AsyncIterator[Resources]:
    """What the service's jobs have, by a clock of the test's."""
    async with SERVICE.job_resources() as opened:
        yield replace(opened, clock=clock)


async def main() -> None:
    arm_failpoints()
    clock = ClockOnTheWall(Path(os.environ[AHEAD_SECONDS]))
    foundation = lay(SERVICE, "jobs", dsn=os.environ[DSN], pool_size=5)
    worker = JobWorker(
        foundation.database,
        foundation.units,
        foundation.jobs,
        clock=clock,
        rung=foundation.wakeups.subscribe("jobs"),
        resources=lambda: resources(clock),
        settings=WorkerSettings(lease_seconds=float(os.environ[LEASE_SECONDS]), poll_seconds=0.1),
    )
    await Process([foundation.doorbell, worker], drain_seconds=2).run()
    await foundation.database.close()


if __name__ == "__main__":
    asyncio.run(main())
