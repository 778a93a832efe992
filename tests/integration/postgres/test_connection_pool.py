"""A connection stays open between transactions, and belongs to one transaction at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import migrate
from waypost.kernel.errors import Transient
from waypost.postgres.database import Database
from waypost.postgres.sql import driver
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually


@contextlib.asynccontextmanager
async def opened(dsn: str, pool_size: int, *, timeout_seconds: float = 5) -> AsyncIterator[Database]:
    pool = Database(dsn, application_name="pooled", pool_size=pool_size, pool_timeout_seconds=timeout_seconds)
    try:
        yield pool
    finally:
        await pool.close()


async def by_the_driver(connection: AsyncConnection) -> object:
    return await driver(connection).fetchval("select pg_backend_pid()")


async def by_sqlalchemy(connection: AsyncConnection) -> object:
    return await connection.scalar(text("select pg_backend_pid()"))


WAYS = pytest.mark.parametrize("ask", [by_the_driver, by_sqlalchemy])
Ask = Callable[[AsyncConnection], Awaitable[object]]


@WAYS
async def test_connection_kept_after_its_transaction_fails(database: Databases, ask: Ask) -> None:
    """Else it could read the rows of the next transaction's tenant."""
    async with opened((await database("club", migrate)).app, 1) as pool:
        async with pool.transaction() as kept:
            await ask(kept)
        async with pool.transaction():
            with pytest.raises(InvalidRequestError):
                await ask(kept)


@WAYS
async def test_last_used_connection_is_used_next(database: Databases, ask: Ask) -> None:
    async with opened((await database("club", migrate)).app, 3) as pool:
        async with pool.transaction() as outer, pool.transaction() as inner:
            first, second = await ask(outer), await ask(inner)
        assert first != second
        for _ in range(3):
            async with pool.transaction() as connection:
                assert await ask(connection) == first


async def test_transaction_waits_for_a_connection_and_then_fails_as_transient(database: Databases) -> None:
    async with opened((await database("club", migrate)).app, 1, timeout_seconds=0.05) as pool, pool.transaction():
        with pytest.raises(Transient, match=r"all 1 connections of the pool were in use for 0\.05 s"):
            async with pool.transaction():
                pytest.fail("a second transaction began")


async def test_waiting_transaction_begins_when_another_one_ends(database: Databases) -> None:
    async with opened((await database("club", migrate)).app, 1) as pool:

        async def pid() -> object:
            async with pool.transaction() as connection:
                return await by_the_driver(connection)

        async with pool.transaction() as connection:
            own, waiting = await by_the_driver(connection), asyncio.create_task(pid())
            await asyncio.sleep(0)
        assert await waiting == own


async def test_failed_connects_leave_the_pool_usable(database: Databases) -> None:
    where = await database("club", migrate)
    async with opened(where.app, 2) as pool, connected(where.owner) as owner:
        await owner.execute(f"alter database {where.name} connection limit 0")
        for _ in range(3):
            with pytest.raises(Transient):
                async with pool.transaction():
                    pytest.fail("a transaction began")
        await owner.execute(f"alter database {where.name} connection limit -1")
        async with pool.transaction(), pool.transaction():
            pass


async def test_closed_pool_keeps_no_connection(database: Databases) -> None:
    where = await database("club", migrate)
    pool = Database(where.app, application_name="closed-pool", pool_size=2)
    async with pool.transaction():
        async with pool.transaction():
            pass
        await pool.close()
    async with connected(where.ops) as ops:
        count = "select count(*) from pg_stat_activity where application_name = 'closed-pool'"

        async def is_gone() -> bool:
            return not await ops.fetchval(count)

        await eventually(is_gone)
