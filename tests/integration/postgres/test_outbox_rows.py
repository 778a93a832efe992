"""Outbox rows are counted exactly, and only if the statistics show a number near the limit. The
backlog is counted exactly only while it is short.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from tests.fixtures.club import opened
from tests.fixtures.outbox import NewRow, migrate_toolkit, write
from waypost.hosting.settings import ApiSettings
from waypost.postgres.database import Database as Pool
from waypost.postgres.outbox.backlog import BACKLOG
from waypost.postgres.overview import PENDING_ROWS, backlog_of, outbox_rows
from waypost.testing.database import Databases, connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    owner: asyncpg.Connection
    ops: Pool

    async def add(self, rows: int) -> None:
        for row in range(rows):
            await write(self.owner, NewRow(topic="users.user", key=b"%d" % row, payload=b""))

    async def is_counted(self, at_most: int) -> bool:
        plan = await self.owner.fetch(f"explain (analyze) {PENDING_ROWS}", at_most)
        return not any("on outbox" in line and "never executed" in line for (line,) in plan)


@pytest.fixture
async def outbox(database: Databases) -> AsyncIterator[Outbox]:
    users = await database("users", migrate_toolkit)
    async with connected(users.owner) as owner, opened(users.ops) as ops:
        yield Outbox(owner=owner, ops=ops)


async def test_it_is_counted_as_far_as_was_asked(outbox: Outbox) -> None:
    await outbox.add(8)
    assert [await outbox_rows(outbox.ops, at_most) for at_most in (6, 8, 1000)] == [6, 8, 8]


async def test_deleted_rows_are_not_read_where_little_waits(outbox: Outbox) -> None:
    await outbox.add(8)
    assert await outbox.is_counted(1000)  # the table has no statistics yet
    await outbox.owner.execute("delete from outbox")
    await outbox.add(4)
    await outbox.owner.execute("vacuum outbox")
    assert not await outbox.is_counted(1000)
    assert await outbox_rows(outbox.ops, 1000) < 500
    assert await outbox.is_counted(6)
    assert await outbox_rows(outbox.ops, 4) == 4


CAP: int = ApiSettings.model_fields["outbox_cap_rows"].default
_FILL = """
insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)
select n % 16, gen_random_uuid(), gen_random_uuid(), 'users.user', n::text::bytea, 'payload', '{}', now()
from generate_series(1, $1::int) as n"""


async def backlog_and_pages(outbox: Outbox, rows: int) -> tuple[int, int]:
    """The reported number of pending rows, and the pages that the statement has read."""
    await outbox.owner.execute("truncate outbox")
    await outbox.owner.execute(_FILL, rows)
    await outbox.owner.execute("vacuum analyze outbox")
    plan = json.loads(await outbox.owner.fetchval(f"explain (analyze, buffers, format json) {BACKLOG}"))[0]["Plan"]
    pending = (await backlog_of(outbox.ops)).pending
    return pending, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_backlog_of_a_full_outbox_costs_as_much_as_a_short_one(outbox: Outbox) -> None:
    exact, short = await backlog_and_pages(outbox, 990)
    estimated, full = await backlog_and_pages(outbox, CAP)
    assert exact == 990
    assert estimated == pytest.approx(CAP, rel=0.1)
    assert full <= 2 * short
