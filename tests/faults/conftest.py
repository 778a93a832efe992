from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.jobs_rig import JobsRig, jobs_rig
from tests.faults.relay_rig import Rig, rigged
from tests.fixtures.database import Database
from tests.fixtures.jobs import migrate
from tests.fixtures.kafka import Broker
from tests.fixtures.outbox import migrate_toolkit
from tests.fixtures.topics import create_topic, unique


@pytest.fixture
async def rig(database: Database, kafka: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """On the session's broker."""
    users = await database("users", migrate_toolkit)
    topic = await create_topic(kafka, unique("users.user"))
    async with rigged(users, kafka, topic, tmp_path) as rig:
        yield rig


@pytest.fixture
async def rig_on_own_kafka(database: Database, own_kafka: Broker, tmp_path: Path) -> AsyncIterator[Rig]:
    """On the test's own broker (`own_kafka`), which it may kill or freeze."""
    users = await database("users", migrate_toolkit)
    topic = await create_topic(own_kafka.bootstrap, unique("users.user"))
    async with rigged(users, own_kafka.bootstrap, topic, tmp_path) as rig:
        yield rig


@pytest.fixture
async def jobs(database: Database, tmp_path: Path) -> AsyncIterator[JobsRig]:
    """A service with background work, whose job processes the test starts and kills."""
    async with jobs_rig(await database("billing", migrate), tmp_path) as rig:
        yield rig
