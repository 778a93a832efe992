from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.fixtures.jobs import Service, migrate
from waypost.jobs.declaration import Job
from waypost.testing.database import Databases

ServiceOf = Callable[..., Awaitable[Service]]


@pytest.fixture
async def service(database: Databases) -> AsyncIterator[ServiceOf]:
    """`await service([Job(...)])`: a separate database, copied from the migrated template."""
    made: list[Service] = []

    async def make(declared: Sequence[Job], **options: Any) -> Service:
        own = await database("billing", migrate)
        made.append(Service(own.app, declared, ops_dsn=own.ops, owner_dsn=own.owner, **options))
        return made[-1]

    yield make
    for opened in made:
        await opened.close()
