from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.fixtures.database import Database
from tests.fixtures.jobs import Service, migrate
from waypost.jobs.declaration import Job

ServiceOf = Callable[..., Awaitable[Service]]


@pytest.fixture
async def service(database: Database) -> AsyncIterator[ServiceOf]:
    """`await service([Job(...)])`: its own database, copied from the migrated template."""
    made: list[Service] = []

    async def make(declared: Sequence[Job], **options: Any) -> Service:
        own = await database("billing", migrate)
        made.append(Service(own.app, declared, ops_dsn=own.ops, **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()
