"""The real application on a real database; tests use HTTP and read its tables."""

from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from infra.stack.keys import Keys, load_or_make_keys
from services.users.adapters import passwords
from tests.integration.users.service import UsersService, running_users
from waypost.testing.database import Databases


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"))


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The algorithm of the product at a hundredth of its cost. Most tests only need a user."""


@pytest.fixture
def rate_limiting() -> bool:
    """Overridden by modules that send more requests than a limit admits."""
    return True


@pytest.fixture
async def users(
    database: Databases, keys: Keys, monkeypatch: pytest.MonkeyPatch, rate_limiting: bool
) -> AsyncIterator[UsersService]:
    monkeypatch.setattr(passwords, "_HASHER", CHEAP)
    monkeypatch.setenv("WAYPOST_KEYS_DIRECTORY", str(keys.of("users")))
    monkeypatch.setenv("WAYPOST_IDEMPOTENCY_SECRET", keys.secrets.idempotency)
    async with running_users(await database("users"), keys, rate_limiting=rate_limiting) as service:
        yield service
