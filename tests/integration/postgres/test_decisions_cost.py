"""The swap of a rebuild reads the operators' decisions under its locks: that read must not depend
on the number of settled dead letters.
"""

import json
from collections.abc import Mapping
from typing import Any

import asyncpg

from tests.fixtures.outbox import migrate_toolkit
from waypost.postgres.rebuild.operator_decisions import _DECIDED
from waypost.testing.database import Databases, connected

CONSUMER = "users.readers"
MAX_PAGES = 20
"""For three decisions: the pages of the table and of the index that the statement reads."""

_FILL = """
insert into dead_letters (consumer, id, event_id, topic, partition, kafka_offset, key, sequence, type, headers, status)
select $1, gen_random_uuid(), gen_random_uuid(), 'users.user', 0, n, convert_to(n::text, 'UTF8'), 1, 'user.created', '{}', $2
from generate_series(1, $3::int) as n"""


async def fill(owner: asyncpg.Connection, numbers: Mapping[str, int]) -> None:
    for status, number in numbers.items():
        await owner.execute(_FILL, CONSUMER, status, number)
    await owner.execute("vacuum (analyze) dead_letters")


async def plan_of_decisions(owner: asyncpg.Connection) -> tuple[Mapping[str, Any], int]:
    """The plan, and the number of pages that it read."""
    statement = _DECIDED.text.replace(":consumer", f"'{CONSUMER}'")
    plan = json.loads(await owner.fetchval(f"explain (analyze, buffers, format json) {statement}"))[0]["Plan"]
    return plan, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_decisions_are_read_without_the_other_dead_letters(database: Databases) -> None:
    users = await database("users", migrate_toolkit)
    async with connected(users.owner) as owner:
        await fill(owner, {"redriven": 20_000, "dead": 1_000, "discarded": 2, "adopted": 1})
        plan, pages = await plan_of_decisions(owner)
    assert plan["Actual Rows"] == 3, json.dumps(plan, indent=1)
    assert pages <= MAX_PAGES, json.dumps(plan, indent=1)
