"""A transaction that is not there any more cannot be committed."""

import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.kernel.errors import Transient
from tests.fixtures.club import migrate, opened
from tests.fixtures.database import Database


async def test_a_commit_after_a_swallowed_error_is_an_error(database: Database) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and without an error: the caller would tell of rows that are not there."""
    async with opened((await database("club", migrate)).app) as pool:
        with pytest.raises(Transient):
            async with pool.transaction() as connection:
                await connection.execute(text("insert into parked_keys values ('club.members', 'users.user', 'key')"))
                with contextlib.suppress(DBAPIError):
                    await connection.execute(text("select 1 / 0"))
        async with pool.transaction() as connection:
            assert await connection.scalar(text("select count(*) from parked_keys")) == 0
