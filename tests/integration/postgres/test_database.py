"""A transaction that is not there any more cannot be committed; a statement alone is one of its
own.
"""

import asyncio
import contextlib
import time

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.fixtures.club import migrate, opened
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.failures import as_transient
from waypost.telemetry.loop_lag import BLOCKED_SECONDS, LOOP_LAG
from waypost.testing.database import Databases, connected


async def test_a_commit_after_a_swallowed_error_is_an_error(database: Databases) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and without an error: the caller would tell
    of rows that are not there.
    """
    async with opened((await database("club", migrate)).app) as pool:
        with pytest.raises(Transient):
            async with pool.transaction() as connection:
                await connection.execute(text("insert into parked_keys values ('club.members', 'users.user', 'key')"))
                with contextlib.suppress(DBAPIError):
                    await connection.execute(text("select 1 / 0"))
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 0


async def test_a_statement_alone_commits_by_itself_and_sees_no_tenants_rows(database: Databases) -> None:
    async with opened((await database("club", migrate)).app, pool_size=1) as pool:
        tenant = TenantId(new_id())
        async with pool.transaction([tenant]) as connection:
            greet = text("insert into greetings (tenant_id, user_id, event_id, version) values (:t, :t, :t, 1)")
            await connection.execute(greet, {"t": tenant})
        with pytest.raises(ZeroDivisionError):
            async with pool.autocommit() as raw:
                assert await raw.fetchval("select count(*) from greetings") == 0
                await raw.execute("insert into parked_keys values ('club.members', 'users.user', 'key')")
                raise ZeroDivisionError
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 1


async def test_a_statement_alone_takes_no_connection_that_died_in_the_pool(database: Databases) -> None:
    where = await database("club", migrate)
    async with opened(where.app, pool_size=1) as pool, connected(where.app) as other:
        async with pool.autocommit() as raw:
            died = asyncio.Event()
            raw.add_termination_listener(lambda _: died.set())
            pid = await raw.fetchval("select pg_backend_pid()")
        await other.fetch("select pg_terminate_backend($1)", pid)
        await died.wait()
        async with pool.autocommit() as raw:
            assert await raw.fetchval("select pg_backend_pid()") != pid


async def test_an_error_does_not_contain_the_values_of_its_statement(database: Databases) -> None:
    async with opened((await database("club", migrate)).app) as pool:
        with pytest.raises(Transient) as caught:
            async with pool.transaction() as connection:
                await connection.execute(text("set local statement_timeout = 1"))
                await connection.execute(text("select pg_sleep(10), cast(:it as text)"), {"it": "a secret value"})
    assert "a secret value" not in str(caught.value)


async def test_handler_that_blocks_the_loop_is_named_and_not_an_outage(database: Databases) -> None:
    async with opened((await database("club", migrate)).app) as pool:
        LOOP_LAG.start()
        try:
            with pytest.raises(Transient, match=r"the handler blocked the event loop for \d\.\d s"):
                async with pool.transaction() as connection:
                    await connection.execute(text("set local idle_in_transaction_session_timeout = '100ms'"))
                    time.sleep(BLOCKED_SECONDS + 0.3)  # noqa: ASYNC251 - the mistake of a handler
                    await connection.execute(text("select 1"))
        finally:
            LOOP_LAG.stop()


@pytest.mark.parametrize(
    "error", [asyncpg.IdleInTransactionSessionTimeoutError("ended"), asyncpg.TransactionTimeoutError("ended")]
)
def test_a_transaction_that_was_idle_too_long_is_not_an_outage(error: asyncpg.PostgresError) -> None:
    with pytest.raises(Transient, match="the handler waited for something else"), as_transient():
        raise asyncpg.ConnectionDoesNotExistError("connection was closed") from error


async def test_a_statement_whose_plan_a_migration_invalidated_is_transient(database: Databases) -> None:
    """Its second run, on the same connection, prepares the statement again."""
    where = await database("club", migrate)
    tenant = TenantId(new_id())
    async with opened(where.app, pool_size=1) as pool, connected(where.owner) as owner:

        async def read() -> None:
            async with pool.transaction([tenant]) as connection:
                await connection.execute(text("select user_id, version from greetings"))

        await read()
        await owner.execute("alter table greetings alter column version type numeric")
        with pytest.raises(Transient):
            await read()
        await read()
