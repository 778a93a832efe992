from collections.abc import AsyncIterator

import pytest

from tests.fixtures.outbox import migrate_toolkit
from tests.integration.relay.house import House
from waypost.testing.database import Databases, connected
from waypost.testing.topics import create_topic, unique


@pytest.fixture
async def house(database: Databases, kafka: str) -> AsyncIterator[House]:
    users = await database("users", migrate_toolkit)
    topic = await create_topic(kafka, unique("users.user"))
    async with connected(users.owner) as owner:
        yield House(database=users, bootstrap=kafka, topic=topic, owner=owner)
