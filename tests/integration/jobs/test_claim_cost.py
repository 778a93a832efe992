"""A claim reads about as many rows as it takes, however many jobs wait."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures.jobs import migrate
from waypost.jobs.worker.leases import _RENEW, LEASE_BYTES
from waypost.jobs.worker.session import PLANS
from waypost.jobs.worker.statements import CLAIM, PROMOTE_DUE
from waypost.testing.database import Databases, connected

MAX_BLOCKS = 1_000
"""For ten jobs: the rows and index pages that the claim reads or writes."""

LOCKED = 11
"""Ten jobs of one kind and one of the other: each is locked once, and the claim takes ten."""

ORDERED = ("jobs_crashed",)
"""Indexes whose scans end at a limit."""

NOW, TOMORROW = timedelta(), timedelta(days=1)
WAITING = [("work", 0, NOW, 100_000), ("full", 10, NOW, 20_000), ("charge", 20, TOMORROW, 20_000)]
"""Kind, priority, due time and number of the jobs that wait."""

FILL = """
insert into jobs (id, tenant_id, name, arguments, priority, correlation_id, causation_id, run_at, delayed)
select uuidv7(), tenant_id, $1, '{}', $2, tenant_id, tenant_id, now() + $3::interval, $3::interval > interval '0'
from (select uuidv7() as tenant_id from generate_series(1, $5) offset 0) as tenants
cross join generate_series(1, $4::int / $5::int)"""

ONE_DUE = """
insert into jobs (id, tenant_id, name, arguments, priority, correlation_id, causation_id)
select id, id, 'charge', '{}', 20, id, id from (select uuidv7() as id offset 0) as one"""

PREPARE = f"prepare claim (text[], int[], text[], int[], uuid[], int, int, text, float, bytea) as {CLAIM}"
RANDOM = (bytes(LEASE_BYTES - 1) + b"\1").hex() * 10
EXPLAIN = f"""
explain (analyze, buffers, format json)
execute claim ('{{charge,work}}', '{{10,10}}', '{{}}', '{{}}', '{{}}', 10, 1, 'me', 30, '\\x{RANDOM}')"""
CLAIMED = "select name, count(*) as jobs from jobs where status = 'running' group by name"


@pytest.mark.parametrize("tenants", [1, 1000])
@pytest.mark.parametrize("statistics", ["none", "of an empty queue"])
async def test_100_000_jobs_cost_a_claim_no_more_than_a_few(database: Databases, tenants: int, statistics: str) -> None:
    own = await database("billing", migrate)
    async with connected(own.owner) as owner:
        for setting, value in PLANS.items():
            await owner.execute(f"set {setting} = '{value}'")
        await owner.execute(ONE_DUE)
        if statistics == "of an empty queue":
            await owner.execute("delete from jobs")
            await owner.execute("analyze jobs")
            await owner.execute(ONE_DUE)
        for kind in WAITING:
            await owner.execute(FILL, *kind, tenants)
        await owner.execute(PREPARE)
        plan = json.loads(await owner.fetchval(EXPLAIN))[0]["Plan"]
        claimed = await owner.fetch(CLAIMED)
    assert {row["name"]: row["jobs"] for row in claimed} == {"charge": 1, "work": 9}
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert blocks < MAX_BLOCKS, json.dumps(plan, indent=1)
    assert _scans_of_the_table(plan) == 0, json.dumps(plan, indent=1)
    assert _locked(plan) == LOCKED, json.dumps(plan, indent=1)


@pytest.mark.parametrize(
    ("statement", "types", "values"),
    [(PROMOTE_DUE, "", ""), (_RENEW, "(uuid[], uuid[], float)", "('{}', '{}', 30)")],
    ids=["promote due jobs", "renew leases"],
)
async def test_other_statements_of_a_worker_read_no_whole_index(
    database: Databases, statement: str, types: str, values: str
) -> None:
    """With the statistics of an empty queue."""
    own = await database("billing", migrate)
    async with connected(own.owner) as owner:
        for setting, value in PLANS.items():
            await owner.execute(f"set {setting} = '{value}'")
        await owner.execute(ONE_DUE)
        await owner.execute("delete from jobs")
        await owner.execute("analyze jobs")
        await owner.execute(FILL, "work", 0, NOW, 20_000, 1)
        await owner.execute(f"prepare own {types} as {statement}")
        plan = json.loads(await owner.fetchval(f"explain (format json) execute own {values}"))[0]["Plan"]
    assert _scans_of_the_table(plan) == 0, json.dumps(plan, indent=1)


def _scans_of_the_table(plan: dict[str, Any]) -> int:
    """An index scan without a condition reads the whole index."""
    is_bounded = "Index Cond" in plan or plan.get("Index Name") in ORDERED
    whole = plan["Node Type"].endswith("Scan") and plan.get("Relation Name") == "jobs" and not is_bounded
    return whole + sum(_scans_of_the_table(child) for child in plan.get("Plans", ()))


def _locked(plan: dict[str, Any]) -> int:
    rows = round(plan["Actual Rows"] * plan["Actual Loops"]) if plan["Node Type"] == "LockRows" else 0
    return rows + sum(_locked(child) for child in plan.get("Plans", ()))
