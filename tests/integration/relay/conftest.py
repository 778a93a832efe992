from collections.abc import AsyncIterator

import pytest

from tests.fixtures.database import Database, connected
from tests.fixtures.outbox import migrate_toolkit
from tests.fixtures.topics import create_topic, unique
from tests.integration.relay.house import House


@pytest.fixture
async def house(database: Database, kafka: str) -> AsyncIterator[House]:
    users = await database("users", migrate_toolkit)
    topic = await create_topic(kafka, unique("users.user"))
    async with connected(users.owner) as owner:
        yield House(database=users, bootstrap=kafka, topic=topic, owner=owner)
