"""The runtime that every process of a service needs: pool, wake-up sender, units of work and
command bus. Also the admin service on a runtime, for the operator routes and the command.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.bus import Bus
from waypost.engine.failpoints import failpoint
from waypost.engine.projections import project
from waypost.engine.wakeups import CoalescingWakeupSender, LocalWakeups
from waypost.hosting.service import Service
from waypost.jobs.declaration import JobRegistry
from waypost.jobs.queue import PostgresJobQueue
from waypost.kernel.clock import Clock, SystemClock
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.operations.admin_service import AdminService
from waypost.ports.brokers import Brokers
from waypost.postgres.database import Database
from waypost.postgres.listen import PostgresNotifier
from waypost.postgres.person_keys import ProcessKeys
from waypost.postgres.unit_of_work import AdmissionCheck, PostgresUnitOfWork, PostgresUnitsOfWork, WritePath, admit_all

AFTER_EVENTS = failpoint("write.after_events")

LAST_WAKEUP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    service: Service
    database: Database
    wakeup_sender: CoalescingWakeupSender
    wakeups: LocalWakeups
    jobs: JobRegistry
    clock: Clock
    path: WritePath
    units: PostgresUnitsOfWork
    bus: Bus


def build_runtime(
    service: Service,
    role: str,
    *,
    dsn: str,
    pool_size: int,
    admit: AdmissionCheck = admit_all,
    clock: Clock | None = None,
) -> Runtime:
    """Builds the runtime of one process. Opens no connection before the parts start. `role` is
    `api`, `worker`, `jobs` or `command`.
    """
    name = f"{service.name}-{role}"
    database = Database(dsn, application_name=name, pool_size=pool_size, schemas=service.schemas)
    wakeups = LocalWakeups()
    wakeup_sender = CoalescingWakeupSender(wakeups, PostgresNotifier(dsn, application_name=f"{name}-wakeups"))
    jobs, clock = JobRegistry(service.jobs), clock or SystemClock()

    async def project_inline(envelopes: Sequence[Envelope[Event]], rows: AsyncConnection) -> None:
        for projection in service.projections:
            await project(envelopes, projection.handlers, rows)
        AFTER_EVENTS.hit()

    def open_jobs(connection: AsyncConnection, unit: PostgresUnitOfWork) -> PostgresJobQueue:
        return PostgresJobQueue(connection, unit, jobs)

    path = WritePath(
        service=service.name,
        codec=service.codec,
        clock=clock,
        wakeup_sender=wakeup_sender,
        project=project_inline,
        open_jobs=open_jobs,
        person_keys=ProcessKeys(publishes=service.person_keys.publishes) if service.person_keys else None,
    )
    units = PostgresUnitsOfWork(database, path, admit=admit)
    return Runtime(
        service=service,
        database=database,
        wakeup_sender=wakeup_sender,
        wakeups=wakeups,
        jobs=jobs,
        clock=clock,
        path=path,
        units=units,
        bus=Bus(units, service.commands, authorize=service.authorize),
    )


def build_admin_service(runtime: Runtime, *, ops: Database, kafka_bootstrap: Brokers) -> AdminService:
    return AdminService(
        name=runtime.service.name,
        codec=runtime.service.codec,
        consumers=runtime.service.consumers,
        jobs=runtime.jobs,
        ops=ops,
        app=runtime.database,
        units=runtime.units,
        wakeup_sender=runtime.wakeup_sender,
        kafka_bootstrap=kafka_bootstrap,
    )


@asynccontextmanager
async def runtime_for_command(service: Service, *, dsn: str) -> AsyncIterator[Runtime]:
    """A runtime with the rights of the handlers: `dsn` connects as `<service>_app`. Pending
    wake-ups are sent at the end.
    """
    runtime = build_runtime(service, "command", dsn=dsn, pool_size=1)
    try:
        yield runtime
    finally:
        await runtime.wakeup_sender.drain(LAST_WAKEUP_SECONDS)
        await runtime.wakeup_sender.stop()
        await runtime.database.close()
