"""The services under attack, once for all files that do not change their tenants."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import structlog

from infra.stack.keys import Keys, load_or_make_keys
from tests.security.mailed_victims import notifications_target
from tests.security.target import Target
from tests.security.victims import billing_target, users_target
from waypost.testing.database import Databases, Templates

SERVICES = ("users", "billing", "notifications")


@pytest.fixture(scope="session")
def attacked_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
async def attacked_databases(templates: Templates) -> AsyncIterator[Databases]:
    async with templates.lent() as databases:
        yield databases


@pytest.fixture(autouse=True)
def only_errors_are_logged() -> Iterator[None]:
    """One line for each of some thousand requests would hide what failed."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
async def users(attacked_databases: Databases, attacked_keys: Keys) -> AsyncIterator[Target]:
    async with users_target(attacked_databases, attacked_keys) as target:
        yield target


@pytest.fixture(scope="session")
async def billing(attacked_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    folder: Path = tmp_path_factory.mktemp("payments")
    async with billing_target(attacked_databases, folder) as target:
        yield target


@pytest.fixture(scope="session")
async def notifications(attacked_databases: Databases, attacked_keys: Keys) -> AsyncIterator[Target]:
    async with notifications_target(attacked_databases, attacked_keys) as target:
        yield target


@pytest.fixture(scope="module", params=SERVICES)
async def own_target(
    request: pytest.FixtureRequest,
    attacked_databases: Databases,
    attacked_keys: Keys,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Target]:
    """Each service again, for one file that changes its tenants or ends its callers' sessions."""
    made: Mapping[str, Callable[[], AbstractAsyncContextManager[Target]]] = {
        "users": lambda: users_target(attacked_databases, attacked_keys),
        "billing": lambda: billing_target(attacked_databases, tmp_path_factory.mktemp("payments")),
        "notifications": lambda: notifications_target(attacked_databases, attacked_keys),
    }
    async with made[request.param]() as target:
        yield target


@pytest.fixture(params=SERVICES)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(request.param)
    return found
