"""A service made ready for an operator: by its API for the operator routes, and for one run of the command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.hosting.foundation import Foundation, lay
from waypost.hosting.service import Service
from waypost.operations.service import OperatedService
from waypost.postgres.database import Database

LAST_RING_SECONDS = 2.0


def operated(service: Service, foundation: Foundation, *, ops: Database, kafka_bootstrap: str) -> OperatedService:
    return OperatedService(
        name=service.name,
        codec=service.codec,
        consumers=service.consumers,
        jobs=foundation.jobs,
        ops=ops,
        app=foundation.database,
        units=foundation.units,
        doorbell=foundation.doorbell,
        clock=foundation.clock,
        kafka_bootstrap=kafka_bootstrap,
    )


@asynccontextmanager
async def laid_for_a_command(service: Service, *, dsn: str) -> AsyncIterator[Foundation]:
    """With the handlers' own rights: `dsn` is that of `<service>_app`. Whom its transactions woke hears of it at the end."""
    foundation = lay(service, "command", dsn=dsn, pool_size=1)
    try:
        yield foundation
    finally:
        await foundation.doorbell.drain(LAST_RING_SECONDS)
        await foundation.doorbell.stop()
        await foundation.database.close()
