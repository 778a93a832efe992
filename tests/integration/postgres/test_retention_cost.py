"""The retention reads pages in proportion to the rows that it deletes, however many rows stay."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from tests.fixtures.outbox import migrate_toolkit
from waypost.hosting.retention_sweeper import RetentionSweeper
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres import retention
from waypost.postgres.database import Database
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.sql import NamedSql
from waypost.postgres.tenancy import setting
from waypost.testing.database import Databases, connected

FEW, MANY, TENANTS = 1_000, 40_000, 200
EXPIRED = 100
_PAGES = """
select heap_blks_read + heap_blks_hit + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0)
from pg_statio_user_tables where relname = $1"""
_TENANT_IDS = f"select md5(n::text)::uuid from generate_series(1, {TENANTS}) as n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How rows of an age are stored, and the statement that deletes the expired ones. `$1` is
    their number, `$2` their age.
    """

    table: str
    columns: str
    values: str
    statement: str

    @property
    def store(self) -> str:
        return f"""
            insert into {self.table} ({self.columns}) select {self.values}
            from generate_series(1, $1::int) as n, (select array({_TENANT_IDS}) as ids) as tenants"""

    def store_for(self, tenants: Sequence[TenantId]) -> str:
        """The same number of rows for each tenant."""
        quoted = ", ".join(f"'{each}'" for each in tenants)
        ids = f"array[{quoted}]::uuid[]"
        values = self.values.replace(TENANT, f"tenants.ids[1 + n % {len(tenants)}]")
        numbered = f"generate_series(1, $1::int) as n, (select {ids} as ids) as tenants"
        return f"insert into {self.table} ({self.columns}) select {values} from {numbered}"


TENANT = f"tenants.ids[1 + n % {TENANTS}]"
THEN = "now() - $2::interval"
CASES = {
    "inbox": Case(
        table="processed_messages",
        columns="consumer, event_id, tenant_id, topic, partition, kafka_offset, processed_at",
        values=f"'billing.customers', gen_random_uuid(), {TENANT}, 'users.user', 0, n, {THEN}",
        statement=retention._PRUNE_INBOX.text,
    ),
    "stored responses": Case(
        table="idempotency_keys",
        columns="tenant_id, route, key, body_hash, status, body, created_at",
        values=f"{TENANT}, '/invoices', gen_random_uuid()::text, '', 201, '', {THEN}",
        statement=retention._PRUNE_RESPONSES.text,
    ),
    "results": Case(
        table="job_results",
        columns="tenant_id, job_id, name, status, enqueued_at, finished_at",
        values=f"{TENANT}, gen_random_uuid(), 'work', 'complete', {THEN}, {THEN}",
        statement=retention._PRUNE_RESULTS.text.replace(":finished_as", "'complete'"),
    ),
    "dead jobs": Case(
        table="jobs",
        columns="id, tenant_id, name, arguments, priority, enqueued_at, run_at, status, correlation_id, causation_id",
        values=f"gen_random_uuid(), {TENANT}, 'work', '{{}}', 0, now(), {THEN}, 'dead', gen_random_uuid(), gen_random_uuid()",
        statement=retention._PRUNE_DEAD_JOBS.text,
    ),
    "settled dead letters": Case(
        table="dead_letters",
        columns="id, consumer, event_id, topic, partition, kafka_offset, key, headers, status, updated_at",
        values=f"gen_random_uuid(), 'billing.customers', gen_random_uuid(), 'users.user', 0, n, n::text::bytea, '{{}}', 'redriven', {THEN}",
        statement=retention._PRUNE_HANDLED.text.replace(":kept", "false"),
    ),
}


@pytest.fixture
async def billing(database: Databases) -> AsyncIterator[ServiceDatabase]:
    yield await database("billing", migrate_toolkit)


@pytest.mark.parametrize("name", CASES)
async def test_the_cost_of_deleting_expired_rows_does_not_grow_with_the_others(
    billing: ServiceDatabase, name: str
) -> None:
    case = CASES[name]
    async with connected(billing.owner) as owner, connected(billing.app) as app:
        await bind_all(app)
        pages = []
        for staying in (FEW, MANY):
            await app.execute(case.store, staying, timedelta(hours=1))
            await app.execute(case.store, EXPIRED, timedelta(days=2))
            await owner.execute(f"vacuum analyze {case.table}")
            pages.append(await pages_read(app, case.statement))
            assert await app.fetchval(f"select count(*) from {case.table} where {is_expired(case)}") == 0
    at_few, at_many = pages
    assert at_many <= 2 * at_few


async def bind_all(app: asyncpg.Connection) -> None:
    await app.execute(f"select set_config('app.tenants', array_to_string(array({_TENANT_IDS}), ','), false)")


def is_expired(case: Case) -> str:
    at = {"processed_messages": "processed_at", "idempotency_keys": "created_at", "job_results": "finished_at"}
    at |= {"jobs": "run_at", "dead_letters": "updated_at"}
    return f"{at[case.table]} < now() - interval '1 day'"


async def pages_read(app: asyncpg.Connection, statement: str) -> int:
    named = NamedSql(
        statement.replace("cast(:age as interval)", "interval '1 day'").replace(":age", "interval '1 day'")
    )
    text, *arguments = named.bind({"chunk": retention.CHUNK})
    (explained,) = json.loads(await app.fetchval(f"explain (analyze, buffers, format json) {text}", *arguments))
    plan = explained["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("name", ["stored responses", "results"])
async def test_the_cost_does_not_grow_with_the_number_of_tenants(billing: ServiceDatabase, name: str) -> None:
    """Deletes the same number of expired rows of one tenant, and of many."""
    case = CASES[name]
    pages = []
    for tenants in (1, 2_000):
        ids = [TenantId(new_id()) for _ in range(tenants)]
        async with connected(billing.app) as app:
            await app.execute(f"set app.tenants = '{setting(ids)}'")
            await app.execute(case.store_for(ids), 2_000, timedelta(days=40))
        async with connected(billing.owner) as owner:
            await owner.execute(f"vacuum analyze {case.table}")
        before = await pages_of(billing, case.table)
        await sweep(billing)
        pages.append(await pages_of(billing, case.table) - before)
    of_one, of_many = pages
    assert of_many <= 1.5 * of_one


async def sweep(billing: ServiceDatabase) -> None:
    """One round. The server counts the pages of a session at the latest when it ends."""
    database = Database(billing.app, application_name="retention", pool_size=1)
    try:
        await RetentionSweeper(database).round()
    finally:
        await database.close()


async def pages_of(billing: ServiceDatabase, table: str) -> int:
    async with connected(billing.owner) as owner:
        return int(await owner.fetchval(_PAGES, table))
