"""The gauge of pending jobs costs the same for any number of jobs."""

import json

import asyncpg

from tests.fixtures.jobs import migrate
from waypost.jobs.worker.leases import PENDING
from waypost.testing.database import Databases, connected

_FILL = """
insert into jobs (id, tenant_id, name, arguments, priority, enqueued_at, run_at, status, correlation_id, causation_id)
select gen_random_uuid(), gen_random_uuid(), 'say', '{}', 0, now(), now(), state, gen_random_uuid(), gen_random_uuid()
from generate_series(1, $1::int), (values ('queued'), ('dead')) as states (state)"""


async def counts_and_pages(owner: asyncpg.Connection, of_each_state: int) -> tuple[dict[str, int], int]:
    await owner.execute("delete from jobs")
    await owner.execute(_FILL, of_each_state)
    await owner.execute("vacuum analyze jobs")
    counts = {row["status"]: row["jobs"] for row in await owner.fetch(PENDING)}
    plan = json.loads(await owner.fetchval(f"explain (analyze, buffers, format json) {PENDING}"))[0]["Plan"]
    return counts, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_jobs_of_each_state_are_counted_up_to_a_limit(database: Databases) -> None:
    async with connected((await database("billing", migrate)).owner) as owner:
        few, pages_of_few = await counts_and_pages(owner, 9_000)
        many, pages_of_many = await counts_and_pages(owner, 60_000)
    assert (few, many) == ({"queued": 9_000, "dead": 9_000}, {"queued": 10_000, "dead": 10_000})
    assert pages_of_many <= 2 * pages_of_few
