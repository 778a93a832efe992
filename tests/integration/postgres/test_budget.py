"""A server that is too small is refused at the start, and not when the last connection is asked
for.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest
from sqlalchemy import text

from infra.stack.places import CHECKOUT, inherited
from tests.fixtures.club import migrate, opened
from waypost.hosting.startup_checks import refuse_small_server
from waypost.kernel.errors import Misconfigured
from waypost.testing.database import Databases

START_SECONDS = 120
"""For a process that starts and ends on a machine that has other work."""


async def test_a_budget_that_fits_is_fine_and_one_more_is_refused(database: Databases) -> None:
    async with opened((await database("club", migrate)).app) as pool, pool.transaction() as connection:
        there_are = int(await connection.scalar(text("select current_setting('max_connections')")) or 0)
        await refuse_small_server(connection, there_are)
        expected = f"allows {there_are} connections.*set max_connections = {there_are + 1}"
        with pytest.raises(Misconfigured, match=expected):
            await refuse_small_server(connection, there_are + 1)


@pytest.mark.timeout(START_SECONDS + 60)
async def test_a_process_that_would_not_fit_does_not_start(database: Databases) -> None:
    where = await database("users")
    environment = {
        **inherited(),
        "WAYPOST_APP_DSN": where.app,
        "WAYPOST_SERVICE_PORT": "1",
        "WAYPOST_CONNECTION_BUDGET": "100000",
        "OTEL_TRACES_EXPORTER": "none",
    }
    command = (sys.executable, "-m", "services.users", "jobs")
    process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        _, problem = await asyncio.wait_for(process.communicate(), START_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 2
    assert "set max_connections = 100000" in problem.decode()
