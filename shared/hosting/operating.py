"""A service made ready for one run of the command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.hosting.foundation import Foundation, lay
from shared.hosting.service import Service

LAST_RING_SECONDS = 2.0


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
