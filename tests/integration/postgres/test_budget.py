"""A server that is too small is refused at the start, and not when the last connection is asked
for.
"""

import pytest
from sqlalchemy import text

from infra.stack.places import inherited
from tests.fixtures.club import migrate, opened
from tests.fixtures.forked import finished
from waypost.hosting.startup_checks import refuse_small_server
from waypost.kernel.errors import Misconfigured
from waypost.testing.database import Databases


async def test_a_budget_that_fits_is_fine_and_one_more_is_refused(database: Databases) -> None:
    async with opened((await database("club", migrate)).app) as pool, pool.transaction() as connection:
        there_are = int(await connection.scalar(text("select current_setting('max_connections')")) or 0)
        await refuse_small_server(connection, there_are)
        expected = f"allows {there_are} connections.*set max_connections = {there_are + 1}"
        with pytest.raises(Misconfigured, match=expected):
            await refuse_small_server(connection, there_are + 1)


async def test_a_process_that_would_not_fit_does_not_start(database: Databases) -> None:
    where = await database("users")
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_SERVICE_PORT": "1",
        "WAYPOST_CONNECTION_BUDGET": "100000",
        "OTEL_TRACES_EXPORTER": "none",
    }
    ended = await finished("services.users", "jobs", environment=environment)
    assert ended.code == 2
    assert "set max_connections = 100000" in ended.problem
