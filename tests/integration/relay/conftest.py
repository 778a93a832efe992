from collections.abc import AsyncIterator

import pytest

from tests.fixtures.outbox import migrate_toolkit
from tests.integration.relay.relay_rig import RelayRig
from waypost.testing.database import Databases, connected
from waypost.testing.topics import create_topic, unique


@pytest.fixture
async def relay_rig(database: Databases, kafka: str) -> AsyncIterator[RelayRig]:
    users = await database("users", migrate_toolkit)
    topic = await create_topic(kafka, unique("users.user"))
    async with connected(users.owner) as owner:
        yield RelayRig(database=users, bootstrap=kafka, topic=topic, owner=owner)
