"""An insert returns the key that the server generates, also when the driver executes it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import insert, select

from tests.fixtures.club import migrate
from tests.fixtures.club.tables import greetings
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.database import Database
from waypost.testing.database import Databases

TENANT = TenantId(new_id())
ROW = {"tenant_id": TENANT, "user_id": new_id(), "event_id": new_id(), "version": 3}


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[Database]:
    pool = Database((await database("club", migrate)).app, application_name="keys", pool_size=1)
    yield pool
    await pool.close()


async def test_each_execution_returns_the_key_of_its_row(pool: Database) -> None:
    statement, with_defaults = insert(greetings), insert(greetings).return_defaults()
    async with pool.transaction([TENANT]) as connection:
        keys = [(await connection.execute(statement, ROW)).inserted_primary_key for _ in range(3)]
        keys += [(await connection.execute(with_defaults, ROW)).returned_defaults for _ in range(3)]
        rows = await connection.execute(select(greetings.c.position).order_by(greetings.c.position))
        assert [tuple(key or ()) for key in keys] == [(position,) for position in rows.scalars()]
    assert pool._writes.find(statement, ROW) is not None


async def test_several_rows_are_written_without_their_keys(pool: Database) -> None:
    statement = insert(greetings)
    async with pool.transaction([TENANT]) as connection:
        for _ in range(3):
            await connection.execute(statement, [ROW, ROW])
        rows = await connection.execute(select(greetings.c.version))
        assert rows.scalars().all() == [3] * 6
