"""Opens a service for operators: in its API for the operator routes, and for one run of the
command.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.service import Service
from waypost.operations.admin_service import AdminService
from waypost.postgres.database import Database

LAST_WAKEUP_SECONDS = 2.0


def admin_service(service: Service, runtime: Runtime, *, ops: Database, kafka_bootstrap: str) -> AdminService:
    return AdminService(
        name=service.name,
        codec=service.codec,
        consumers=service.consumers,
        jobs=runtime.jobs,
        ops=ops,
        app=runtime.database,
        units=runtime.units,
        wakeup_sender=runtime.wakeup_sender,
        clock=runtime.clock,
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
