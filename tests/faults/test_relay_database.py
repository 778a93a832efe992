"""The database is cut off as by a power failure, or repeatedly ends sessions (fault matrix 21 and
22).
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.faults.relay_rig import Rig, rigged
from tests.fixtures.outbox import migrate_toolkit
from tests.fixtures.proxy import Proxy
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.postgres import DatabaseServer
from waypost.testing.topics import create_topic, unique

KEYS = [f"00000000-0000-7000-8000-{number:012}" for number in range(12)]

END_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like 'waypost-%'"""


@pytest.fixture
async def rig_on_own_postgres(own_postgres: DatabaseServer, kafka: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with connected(own_postgres.admin_dsn) as admin:
        users = await Templates(admin, own_postgres.admin_dsn).copy("users", migrate_toolkit)
    async with rigged(users, kafka, await create_topic(kafka, unique("users.user")), tmp_path) as rig:
        yield rig


async def test_a_relay_survives_its_database(rig_on_own_postgres: Rig, own_postgres: DatabaseServer) -> None:
    rig = rig_on_own_postgres
    await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 5))
    await rig.until_drained()
    await rig.write_versions(KEYS, range(5, 10))
    await own_postgres.stop_immediately()
    await own_postgres.start()
    async with connected(rig.database.owner) as rig.owner:
        await rig.write_versions(KEYS, range(10, 15))
        await rig.until_drained()
        await eventually(lambda: _listeners(rig))
    await rig.assert_nothing_lost_and_in_order()


async def test_sessions_that_are_ended_lose_and_reorder_nothing(rig: Rig, postgres: str) -> None:
    await rig.start_relay()
    await rig.until_holding()
    async with connected(postgres) as admin:
        for round_ in range(1, 30):
            await rig.write_versions(KEYS, range(round_, round_ + 1))
            await admin.execute(END_SESSIONS, rig.database.name)
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_a_snapshot_that_stays_open_delays_no_row(rig: Rig) -> None:
    """Deleted rows stay in the table as long as the snapshot may see them (row 38)."""
    await rig.start_relay()
    async with connected(rig.database.owner) as dump, dump.transaction(isolation="repeatable_read"):
        await dump.fetch("select * from outbox")
        for round_ in range(1, 30):
            await rig.write_versions(KEYS, range(round_, round_ + 1))
        await rig.until_drained()
        assert await rig.owner.fetchval("select pg_relation_size('outbox')") > 0
    await rig.assert_nothing_lost_and_in_order()


@pytest.mark.parametrize("seconds", [0.05, 0.5])
async def test_a_slow_database_delays_the_relay_and_reorders_nothing(rig: Rig, seconds: float) -> None:
    """Each packet between the relay and its database is late (row 24)."""
    url, (port,) = make_url(rig.database.relay), free_ports(1)
    assert url.port is not None
    async with Proxy(port, to_port=url.port) as proxy:
        slow = url.set(host=LOOPBACK, port=port).render_as_string(hide_password=False)
        rig.database = replace(rig.database, relay=slow)
        await rig.start_relay()
        await rig.until_holding()
        proxy.delay_seconds = seconds
        await rig.write_versions(KEYS, range(1, 20))
        await rig.until_drained(deadline_seconds=60)
        await rig.assert_nothing_lost_and_in_order()


async def _listeners(rig: Rig) -> bool:
    listening = "select count(*) = 1 from pg_stat_activity where application_name = 'waypost-listener'"
    return bool(await rig.owner.fetchval(listening))
