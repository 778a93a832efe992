"""Fixtures. Activate them with `pytest_plugins = ["waypost.testing.plugin"]` in the root
`conftest.py`.

Servers and pools live for a session, so all tests must share one event loop:

    [tool.pytest.ini_options]
    asyncio_mode = "auto"
    asyncio_default_fixture_loop_scope = "session"
    asyncio_default_test_loop_scope = "session"
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from waypost.hosting.service import Service
from waypost.testing.clock import MovableClock
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.folders import scratch_folder
from waypost.testing.hosted import Host, HostedService, hosted
from waypost.testing.kafka import Broker, running_kafka
from waypost.testing.ports import draw_from_share
from waypost.testing.postgres import DatabaseServer, running_postgres

NEEDED = {
    "asyncio_mode": "auto",
    "asyncio_default_fixture_loop_scope": "session",
    "asyncio_default_test_loop_scope": "session",
}


def pytest_configure(config: pytest.Config) -> None:
    for name, value in NEEDED.items():
        if (actual := config.getini(name)) != value:
            raise pytest.UsageError(
                f'{name} is {actual!r}, but waypost.testing needs "{value}": its servers and pools live for a session.'
                f' Set {name} = "{value}" under [tool.pytest.ini_options]'
            )
    worker: dict[str, object] = getattr(config, "workerinput", {"workerid": "gw0", "workercount": 1})
    draw_from_share(int(str(worker["workerid"])[2:]), int(str(worker["workercount"])))


@pytest.fixture(scope="session")
async def kafka() -> AsyncIterator[str]:
    """Bootstrap address of the session's broker. It keeps the topics of every test, so topic names
    must be unique.
    """
    with scratch_folder(in_memory=True) as folder:
        async with running_kafka(folder) as broker:
            yield broker.bootstrap


@pytest.fixture
async def own_kafka() -> AsyncIterator[Broker]:
    """A broker for this test only, which the test may kill or pause."""
    with scratch_folder(in_memory=True) as folder:
        async with running_kafka(folder) as broker:
            yield broker


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[str]:
    """DSN of the superuser of the session's server. Tests of a service use `database` instead."""
    with scratch_folder(in_memory=True) as folder:
        async with running_postgres(folder, durable=False) as server:
            yield server.admin_dsn


@pytest.fixture
async def own_postgres() -> AsyncIterator[DatabaseServer]:
    """A server for this test only, which the test may kill or pause."""
    with scratch_folder() as folder:
        async with running_postgres(folder) as server:
            yield server


@pytest.fixture(scope="session")
async def templates(postgres: str) -> AsyncIterator[Templates]:
    async with connected(postgres) as admin:
        yield Templates(admin, postgres)


@pytest.fixture
async def database(templates: Templates) -> AsyncIterator[Databases]:
    """`await database("billing")` creates a ServiceDatabase (a DSN for each role), which is dropped
    after the test.
    """
    async with templates.lent() as databases:
        yield databases


@pytest.fixture
def clock() -> MovableClock:
    """A clock that runs with the system's clock until the test moves it."""
    return MovableClock()


@pytest.fixture
async def host(kafka: str, database: Databases, clock: MovableClock) -> AsyncIterator[Host]:
    """`service = await host(SERVICE)`: a hosted service with a new database, all topics and the
    test's `clock`.
    """
    async with AsyncExitStack() as stack:

        async def made(service: Service) -> HostedService:
            where = await database(service.name)
            return await stack.enter_async_context(hosted(service, where, bootstrap=kafka, clock=clock))

        yield made
