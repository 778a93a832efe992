from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.stack.ports import LOOPBACK, free_ports
from shared.cli.services import DIRECTORY
from shared.hosting.service import Service
from shared.ports.handlers import Consumer
from tests.fixtures.club import Stage
from tests.fixtures.database import Database
from tests.fixtures.folders import scratch_folder
from tests.fixtures.kafka import running_kafka
from tests.fixtures.outbox import migrate_toolkit
from tests.fixtures.topics import create_topic
from tests.integration.cli.command import Stack


@pytest.fixture(scope="session")
async def cluster() -> AsyncIterator[str]:
    """A broker with the services' own topics: their names are not unique, as those on the session's broker have to be."""
    with scratch_folder() as folder:
        async with running_kafka(folder) as broker:
            await create_topic(broker.bootstrap, "users.user")
            await create_topic(broker.bootstrap, "users.tenant")
            yield broker.bootstrap


@pytest.fixture
async def stack(cluster: str, database: Database, tmp_path: Path) -> Stack:
    stack = Stack(users=await database("users", migrate_toolkit), bootstrap=cluster, folder=tmp_path)
    (nobody,) = free_ports(1)
    stack.write_environment(zipkin=f"http://{LOOPBACK}:{nobody}")
    return stack


@pytest.fixture
def club_stack(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The club as the command finds a service: a declaration, and a file of its variables."""
    variables = {
        "WAYPOST_APP_DSN": stage.database.app,
        "WAYPOST_OPS_DSN": stage.database.ops,
        "WAYPOST_KAFKA_BOOTSTRAP": stage.bootstrap,
    }
    (tmp_path / "club.env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    consumers: list[Consumer] = [stage.club.members, stage.club.greetings]
    return Service(name="club", codec=stage.club.codec, commands={}, projections=[], consumers=consumers)
