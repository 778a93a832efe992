"""A connection pooler in front of PostgreSQL (row 41 of the fault matrix): no process starts behind
one, and no statement of a tenant passes it. Such a statement could leave the session's state to
another client.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from infra.stack.keys import load_or_make_keys
from infra.stack.places import inherited
from tests.fixtures.forked import finished
from tests.fixtures.pooler import Pooler, running_pooler
from waypost.kernel.errors import Misconfigured
from waypost.native.ports import LOOPBACK, free_ports
from waypost.postgres.database import Database
from waypost.postgres.direct import connect_directly
from waypost.postgres.listen import PostgresListener, PostgresNotifier
from waypost.postgres.migrate import migrate
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.poolers import PoolerRefused
from waypost.postgres.read_session import read_session
from waypost.testing.database import Databases

SET_BY_THE_POOL = ("search_path",)
SET_BY_ANY_PART = (
    *SET_BY_THE_POOL,
    "synchronous_commit",
    "plan_cache_mode",
    "enable_bitmapscan",
    "enable_sort",
    "jit",
)
"""A person adds these names to `ignore_startup_parameters` after the first error."""
MESSAGE = r"is a connection pooler, such as PgBouncer.*Set WAYPOST_APP_DSN and the other DSNs to the address of Post"


async def by_pool(dsn: str) -> None:
    pool = Database(dsn, application_name="tests", pool_size=1)
    try:
        async with pool.transaction():
            raise AssertionError("a transaction began behind the pooler")
    finally:
        await pool.close()


async def by_direct_session(dsn: str) -> None:
    await connect_directly(dsn, application_name="tests")


async def by_listener(dsn: str) -> None:
    await PostgresListener(dsn, ["jobs"], lambda channel: None, application_name="tests").listen(asyncio.Event())


async def by_notifier(dsn: str) -> None:
    await PostgresNotifier(dsn, application_name="tests").notify(["jobs"])


async def by_lease(dsn: str) -> None:
    async with PostgresOutbox(dsn).lease():
        raise AssertionError("a lease was granted behind the pooler")


async def by_command(dsn: str) -> None:
    async with read_session(dsn, application_name="tests") as reads:
        await reads.fetch("select 1")


async def by_migrator(dsn: str) -> None:
    await migrate("users", dsn)


CLIENTS = [by_pool, by_direct_session, by_listener, by_notifier, by_lease, by_command, by_migrator]


@pytest.mark.parametrize("ignored", [(), SET_BY_ANY_PART], ids=["as installed", "settings ignored"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_each_client_refuses_a_pooler(
    database: Databases, client: Callable[[str], Awaitable[None]], ignored: tuple[str, ...]
) -> None:
    where = await database("users")
    async with running_pooler(where.app, ignored=ignored) as pooler:
        with pytest.raises(Misconfigured, match=MESSAGE):
            await client(pooler.before(where.app))
        assert pooler.sessions > 0
        assert only_the_check_was_sent(pooler)


@pytest.mark.parametrize("ignored", [(), SET_BY_ANY_PART], ids=["as installed", "settings ignored"])
@pytest.mark.parametrize("process", ["api", "worker", "jobs"])
async def test_no_process_starts_behind_a_pooler(
    database: Databases, process: str, ignored: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = await database("users")
    keys = load_or_make_keys(tmp_path_factory.mktemp("keys"))
    async with running_pooler(where.app, ignored=ignored) as pooler:
        environment = {
            **inherited(),
            "WAYPOST_APP_DSN": pooler.before(where.app),
            "WAYPOST_OPS_DSN": where.ops,
            "WAYPOST_RELAY_DSN": where.relay,
            "WAYPOST_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",
            "WAYPOST_KEYS_DIRECTORY": str(keys.of("users")),
            "WAYPOST_IDEMPOTENCY_SECRET": keys.secrets.idempotency,
            "WAYPOST_SERVICE_PORT": str(*free_ports(1)),
            "WAYPOST_MANAGEMENT_ADDRESS": "public",
            "OTEL_TRACES_EXPORTER": "none",
        }
        ended = await finished("services.users", process, environment=environment)
        assert ended.code == 2
        assert "is a connection pooler, such as PgBouncer" in ended.problem
        assert only_the_check_was_sent(pooler)


def only_the_check_was_sent(pooler: Pooler) -> bool:
    """Apart from the password. In particular no tenant was bound."""
    return b"app.tenants" not in pooler.received and pooler.received.count(b"select ") == pooler.received.count(
        b"pg_backend_pid()"
    )


async def test_a_proxy_without_a_key_is_refused(database: Databases) -> None:
    where = await database("users")
    async with running_pooler(where.app, ignored=SET_BY_ANY_PART, key=None) as proxy:
        with pytest.raises(PoolerRefused, match="or a proxy that replaces the cancellation key"):
            await by_pool(proxy.before(where.app))


async def test_a_direct_session_is_not_refused(database: Databases) -> None:
    where = await database("users")
    async with read_session(where.app, application_name="tests") as reads:
        assert await reads.fetch("select 1")
