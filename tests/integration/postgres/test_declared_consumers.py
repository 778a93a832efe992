"""The list of declared consumers that a worker stores, and operators read."""

from collections.abc import AsyncIterator

import pytest

from tests.fixtures.outbox import migrate_toolkit
from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.postgres.database import Database
from waypost.postgres.declared_consumers import read_stored_consumers, store_consumers
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.read_session import read_session
from waypost.testing.database import Databases

DUNNING = DeclaredConsumer(group="users.dunning", kind=ConsumerKind.REACTOR, topics=["billing.invoice"])
TENANTS = DeclaredConsumer(group="users.tenants", kind=ConsumerKind.ASYNC_PROJECTION, topics=["users.tenant"])
DUNNING_OF_NEXT_RELEASE = DeclaredConsumer(
    group="users.dunning", kind=ConsumerKind.REACTOR, topics=["billing.invoice", "billing.subscription"]
)


@pytest.fixture
async def users(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_toolkit)


@pytest.fixture
async def pool(users: ServiceDatabase) -> AsyncIterator[Database]:
    """With the rights of a worker."""
    pool = Database(users.app, application_name="test", pool_size=1, schemas=[])
    yield pool
    await pool.close()


async def test_the_list_of_the_last_worker_is_stored(users: ServiceDatabase, pool: Database) -> None:
    async with read_session(users.ops, application_name="test") as ops:
        assert await read_stored_consumers(ops) == []
        await store_consumers(pool, [TENANTS, DUNNING])
        assert await read_stored_consumers(ops) == [DUNNING, TENANTS]
        await store_consumers(pool, [DUNNING_OF_NEXT_RELEASE])
        assert await read_stored_consumers(ops) == [DUNNING_OF_NEXT_RELEASE]
