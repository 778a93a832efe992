from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.outbox import migrate_toolkit
from tests.integration.cli.command import Stack
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Databases
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka
from waypost.testing.topics import create_topic


@pytest.fixture(scope="session")
async def cluster() -> AsyncIterator[str]:
    """A broker with the services' own topics: their names are not unique, as those on the session's
    broker have to be.
    """
    with scratch_folder(in_memory=True) as folder:
        async with running_kafka(folder) as broker:
            await create_topic(broker.bootstrap, "users.user")
            await create_topic(broker.bootstrap, "users.tenant")
            yield broker.bootstrap


@pytest.fixture
async def stack(cluster: str, database: Databases, tmp_path: Path) -> Stack:
    stack = Stack(users=await database("users", migrate_toolkit), bootstrap=cluster, folder=tmp_path)
    (nobody,) = free_ports(1)
    stack.write_environment(zipkin=f"http://{LOOPBACK}:{nobody}")
    return stack
