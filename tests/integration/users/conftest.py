"""The real application on a real database; tests speak HTTP to it, and look into its tables."""

from collections.abc import AsyncIterator

import pytest

from infra.stack.keys import Keys, load_or_make_keys
from tests.fixtures.database import Database
from tests.integration.users.service import UsersService, running_users
from waypost.postgres.migrate import migrate
from waypost.postgres.provisioning.databases import ServiceDatabase


async def migrate_users(database: ServiceDatabase) -> None:
    await migrate("users", database.owner)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def users(database: Database, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[UsersService]:
    monkeypatch.setenv("WAYPOST_KEYS_DIRECTORY", str(keys.of("users")))
    monkeypatch.setenv("WAYPOST_ANSWER_SECRET", keys.secrets.answers)
    async with running_users(await database("users", migrate_users), keys) as service:
        yield service
