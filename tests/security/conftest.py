"""The services under attack, once for each file of tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from infra.stack.keys import load_or_make_keys
from tests.security.victims import Target, billing_target, notifications_target, users_target
from waypost.testing.database import Templates

SERVICES = ("users", "billing", "notifications")


@pytest.fixture(scope="module")
async def targets(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Target]]:
    keys = load_or_make_keys(tmp_path_factory.mktemp("keys"))
    payments: Path = tmp_path_factory.mktemp("payments")
    async with AsyncExitStack() as stack:
        databases = await stack.enter_async_context(templates.lent())
        yield {
            "users": await stack.enter_async_context(users_target(databases, keys)),
            "billing": await stack.enter_async_context(billing_target(databases, payments)),
            "notifications": await stack.enter_async_context(notifications_target(databases, keys)),
        }


@pytest.fixture(params=SERVICES)
def target(request: pytest.FixtureRequest, targets: dict[str, Target]) -> Target:
    return targets[request.param]
