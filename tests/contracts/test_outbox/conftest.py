from collections.abc import AsyncIterator

import pytest

from tests.contracts.outboxes import InMemory, OnPostgres, OutboxUnderTest
from tests.fixtures.outbox import migrate_toolkit
from waypost.testing.database import Databases, connected


@pytest.fixture
def in_memory() -> OutboxUnderTest:
    return InMemory()


@pytest.fixture
async def on_postgres(database: Databases, postgres: str) -> AsyncIterator[OutboxUnderTest]:
    users = await database("users", migrate_toolkit)
    async with connected(users.owner) as owner:
        yield OnPostgres(users, postgres, owner)


@pytest.fixture(params=["in_memory", "on_postgres"])
def under_test(request: pytest.FixtureRequest) -> OutboxUnderTest:
    found: OutboxUnderTest = request.getfixturevalue(request.param)
    return found
