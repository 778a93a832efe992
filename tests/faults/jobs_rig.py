"""Job processes that are killed and frozen, and their effects."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import jobs_process
from tests.fixtures.forked import ForkedProgram
from tests.fixtures.jobs import Service
from waypost.engine.failpoints import VARIABLE
from waypost.kernel.ids import TenantId, new_id
from waypost.native.child import Child
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.eventually import eventually

REPOSITORY = Path(__file__).parents[2]
SHORT, LONG = 0.6, 30.0
"""Seconds of a lease: one that lapses while the test waits, one that a busy machine does not
lapse.
"""
LEASED = "select from jobs where status = 'running' and lease_until >= now()"


@dataclass(slots=True, kw_only=True)
class JobsRig:
    database: ServiceDatabase
    service: Service
    """In the test's own process: it enqueues and reads."""
    logs: Path
    tenants: list[TenantId] = field(default_factory=lambda: [TenantId(new_id()) for _ in range(3)])
    processes: list[Child] = field(default_factory=list)

    async def start(self, *, failpoints: str = "", lease_seconds: float = SHORT) -> Child:
        environment = {
            **os.environ,
            jobs_process.DSN: self.database.app,
            jobs_process.TENANTS: ",".join(map(str, self.tenants)),
            jobs_process.LEASE_SECONDS: str(lease_seconds),
            VARIABLE: failpoints,
        }
        log = self.logs / f"jobs-{len(self.processes)}.log"
        process = ForkedProgram("tests.faults.jobs_process", log=log, environment=environment)
        self.processes.append(process)
        await process.start()
        return process

    async def start_successor(self) -> Child:
        """Starts a process once the leases of the lost ones have lapsed: it takes their jobs up at
        its first heartbeat, and keeps them.
        """

        async def lapsed() -> bool:
            return await self.service.fetch(LEASED) == []

        await eventually(lapsed)
        return await self.start(lease_seconds=LONG)

    async def mark(self, point: str) -> None:
        """Signals an event to the jobs."""
        await self.service.fetch("insert into reached values ($1)", point)

    async def until_marked(self, point: str) -> None:
        query = "select point from reached where point = $1"
        await eventually(lambda: self.service.fetch(query, point), deadline_seconds=20)


@asynccontextmanager
async def jobs_rig(database: ServiceDatabase, logs: Path) -> AsyncIterator[JobsRig]:
    service = Service(database.app, jobs_process.JOBS)
    rig = JobsRig(database=database, service=service, logs=logs)
    try:
        yield rig
    finally:
        for process in rig.processes:
            await process.kill()
        await service.database.close()
