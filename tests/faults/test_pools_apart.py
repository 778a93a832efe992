"""Every slot of the job process is blocked in a slow query and its pool is empty: the API has a
separate pool.
"""

from pathlib import Path

from tests.fixtures.blocked_jobs import api_beside_jobs, every_slot_blocked
from waypost.testing.database import Databases, connected

CONNECTIONS = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"


async def test_requests_are_answered_while_every_job_is_stuck(database: Databases, tmp_path: Path) -> None:
    where = await database("notifications")
    async with (
        api_beside_jobs(where, tmp_path) as http,
        every_slot_blocked(where.app),
        connected(where.app) as look,
    ):
        for wanted in (True, False) * 10:
            assert (await http.put("/preferences", json={"digest": wanted})).status_code == 200
            assert (await http.get("/preferences")).json()["digest"] is wanted
        assert (await http.get("/notifications")).json()["data"] == []
        assert (await http.get("/readyz")).status_code == 200
        assert await look.fetchval(CONNECTIONS, "notifications-api") > 0
