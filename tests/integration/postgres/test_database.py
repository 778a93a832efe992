"""A transaction that is not there any more cannot be committed; a statement alone is one of its
own.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import cast

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import migrate, opened
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.database import Database
from waypost.postgres.failures import as_transient
from waypost.postgres.sql import driver, roll_back
from waypost.postgres.tenancy import bound_transaction
from waypost.telemetry.loop_lag import BLOCKED_SECONDS, LOOP_LAG
from waypost.testing.database import Databases, connected
from waypost.testing.postgres import DatabaseServer


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


async def test_a_transaction_begins_although_every_connection_of_the_pool_has_died(database: Databases) -> None:
    where = await database("club", migrate)
    async with opened(where.app, pool_size=3) as pool, connected(where.app) as other:
        async with contextlib.AsyncExitStack() as all_connections:
            await all_connections.enter_async_context(pool.autocommit())
            for _ in range(2):
                await all_connections.enter_async_context(pool.transaction())
        ended = await other.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = current_user and pid <> pg_backend_pid() and datname = current_database()"
        )
        assert len(ended) == 3
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select 1")) == 1


PARK = text("insert into parked_keys values ('club.members', 'users.user', 'key')")


async def fail_in_python(connection: AsyncConnection) -> None:
    raise ZeroDivisionError


async def fail_in_a_statement(connection: AsyncConnection) -> None:
    await connection.execute(text("select 1 / 0"))


async def fail_in_the_driver(connection: AsyncConnection) -> None:
    await driver(connection).execute("select 1 / 0")


async def run_out_of_time(connection: AsyncConnection) -> None:
    async with asyncio.timeout(0.01):
        await driver(connection).execute("select pg_sleep(30)")


async def be_cancelled(connection: AsyncConnection) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await connection.execute(text("select pg_sleep(30)"))


@pytest.mark.parametrize(
    "fail", [fail_in_python, fail_in_a_statement, fail_in_the_driver, run_out_of_time, be_cancelled]
)
async def test_a_failed_transaction_leaves_no_row_and_no_open_transaction(
    database: Databases, fail: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    async with opened((await database("club", migrate)).app, pool_size=1) as pool:

        async def failing() -> None:
            async with pool.transaction([TenantId(new_id())]) as connection:
                await connection.execute(PARK)
                await fail(connection)

        await asyncio.wait([asyncio.create_task(failing())])
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 0
            assert await connection.scalar(text("select current_setting('app.tenants')")) == ""
        async with pool.autocommit() as raw:
            assert not raw.is_in_transaction()


async def commit(connection: AsyncConnection) -> None:
    await connection.commit()


async def roll_back_by_sqlalchemy(connection: AsyncConnection) -> None:
    await connection.rollback()


async def close(connection: AsyncConnection) -> None:
    await connection.close()


@pytest.mark.parametrize("end", [commit, roll_back_by_sqlalchemy, close])
async def test_transaction_that_a_handler_ends_by_itself_is_rolled_back(
    database: Databases, end: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    async with opened((await database("club", migrate)).app, pool_size=1) as pool:
        with contextlib.suppress(RuntimeError, ResourceClosedError):
            async with pool.transaction([TenantId(new_id())]) as connection:
                await connection.execute(PARK)
                await end(connection)
            pytest.fail("the block ended without an error")
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 0


async def test_cancelled_commit_does_not_wait_for_a_frozen_server(own_postgres: DatabaseServer) -> None:
    pool = Database(own_postgres.admin_dsn, application_name="test", pool_size=1)
    frozen = asyncio.Event()

    async def work() -> None:
        async with pool.transaction() as connection:
            await connection.execute(text("select 1"))
            own_postgres.pause()
            frozen.set()

    task = asyncio.create_task(work())
    await frozen.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=20)
    own_postgres.resume()
    assert done == {task}
    await pool.close()


async def test_rolled_back_transaction_ends_without_an_error(database: Databases) -> None:
    async with opened((await database("club", migrate)).app, pool_size=1) as pool:
        async with pool.transaction() as connection:
            await connection.execute(PARK)
            await roll_back(connection)
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 0


def test_tenant_is_not_inserted_as_text() -> None:
    with pytest.raises((AttributeError, TypeError)):
        bound_transaction([cast(TenantId, "'; drop table events; --")])


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
