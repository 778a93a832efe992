"""The floor below the pending: it rises over rows that are gone, and over nothing that may still
come.
"""

import asyncpg
import pytest

from tests.fixtures.outbox import NewRow, migrate_toolkit, write
from waypost.ports.outbox import PendingRow
from waypost.postgres.outbox.floor import Floor
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import Databases, connected

ALL = range(16)


@pytest.fixture
async def users(database: Databases) -> ServiceDatabase:
    return await database("users", migrate_toolkit)


async def add(connection: asyncpg.Connection) -> int:
    return await write(connection, NewRow(topic="users.user", key=b"a", payload=b""))


async def look(floor: Floor, *there: int, times: int = 3) -> int:
    """So many reads that find these rows; gives the floor of the last."""
    rows = [PendingRow(0, each, "users.user", b"a", b"", "{}", 0) for each in there]
    for _ in range(times):
        await floor.update(ALL, in_flight=())
        floor.record_read(rows, held_shards=())
    (*_, lowest) = sorted(await floor.update([0], in_flight=()))
    return lowest


async def test_it_rises_over_what_was_seen_and_is_gone(users: ServiceDatabase) -> None:
    async with connected(users.owner) as writer, connected(users.relay) as reader:
        floor = Floor(reader, every_seconds=0)
        first, second = await add(writer), await add(writer)
        assert await look(floor, first, second) == first - 1
        assert await look(floor, second) == second - 1
        assert await look(floor) == second


async def test_it_waits_for_transactions_that_may_have_a_lower_id(users: ServiceDatabase) -> None:
    async with connected(users.owner) as writer, connected(users.owner) as slow, connected(users.relay) as reader:
        floor = Floor(reader, every_seconds=0)
        transaction = slow.transaction()
        await transaction.start()
        late = await add(slow)
        later = await add(writer)
        await look(floor, later)
        assert await look(floor, times=10) < late
        await transaction.commit()
        assert await look(floor, late) < late
        assert await look(floor) == later


async def test_a_reader_that_keeps_its_snapshot_does_not_hold_it_back(users: ServiceDatabase) -> None:
    async with connected(users.owner) as writer, connected(users.owner) as dump, connected(users.relay) as reader:
        floor = Floor(reader, every_seconds=0)
        async with dump.transaction(isolation="repeatable_read"):
            await dump.fetch("select * from outbox")
            gone = await add(writer)
            await look(floor, gone)
            assert await look(floor) == gone
