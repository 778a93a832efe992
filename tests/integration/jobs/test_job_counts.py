"""The gauge of pending jobs costs the same for any number of jobs."""

import json
from collections import Counter

import asyncpg

from tests.fixtures.jobs import migrate
from waypost.jobs.worker.job_counts import PENDING
from waypost.operations.doctor.jobs import _LATE, LATE
from waypost.testing.database import Databases, connected

_FILL = """
insert into jobs (id, tenant_id, name, arguments, priority, enqueued_at, run_at, status, correlation_id, causation_id)
select gen_random_uuid(), gen_random_uuid(), 'say', '{}', 0, now(), now(), state, gen_random_uuid(), gen_random_uuid()
from generate_series(1, $1::int), unnest($2::text[]) as states (state)"""

MAX_PAGES_OF_NONE = 50


async def counts_and_pages(owner: asyncpg.Connection, of_each_state: int) -> tuple[dict[str, int], int]:
    await owner.execute("delete from jobs")
    await owner.execute(_FILL, of_each_state, ["queued", "dead"])
    await owner.execute("vacuum analyze jobs")
    counts = Counter[str]()
    for row in await owner.fetch(PENDING):
        counts[row["status"]] += row["jobs"]
    return counts, await pages(owner, PENDING)


async def pages(owner: asyncpg.Connection, query: str, *values: str) -> int:
    """The pages that the query reads."""
    literals = [f"'{value}'" for value in values]
    for number, literal in enumerate(literals, start=1):
        query = query.replace(f"${number}", literal)
    plan = json.loads(await owner.fetchval(f"explain (analyze, buffers, format json) {query}"))[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_jobs_of_each_state_are_counted_up_to_a_limit(database: Databases) -> None:
    async with connected((await database("billing", migrate)).owner) as owner:
        few, pages_of_few = await counts_and_pages(owner, 9_000)
        many, pages_of_many = await counts_and_pages(owner, 60_000)
    assert (few, many) == ({"queued": 9_000, "dead": 9_000}, {"queued": 10_000, "dead": 10_000})
    assert pages_of_many <= 2 * pages_of_few


async def test_dead_jobs_cost_the_count_of_queued_ones_nothing(database: Databases) -> None:
    async with connected((await database("billing", migrate)).owner) as owner:
        await owner.execute("drop index jobs_due")  # as the next release does
        await owner.execute(_FILL, 60_000, ["dead"])
        await owner.execute("vacuum analyze jobs")
        of_the_check = await pages(owner, _LATE, LATE)
        of_the_gauge = await pages(owner, PENDING.replace("limit 10000", "limit 1"))
    assert max(of_the_check, of_the_gauge) <= MAX_PAGES_OF_NONE, (of_the_check, of_the_gauge)
