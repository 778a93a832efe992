"""Preconditions in the message that begins a transaction."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.fixtures.club import migrate
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.unit_of_work import Precondition
from waypost.postgres.database import Database
from waypost.postgres.sql import Sql, driver
from waypost.testing.database import Databases, connected

LOCK = Precondition("select where not pg_try_advisory_xact_lock($1)", (7,))
LOCKED = "select count(*) from pg_locks where locktype = 'advisory' and objid = 7"
REFUSES = Precondition("select 1", ())
STORE = """
insert into idempotency_keys (tenant_id, route, key, body_hash, status, headers, body, created_at)
values ($1, 'POST /', 'key', '', 201, '{}', '', now())"""
BOUND = "select current_setting('app.tenants')"


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[Database]:
    pool = Database((await database("club", migrate)).app, application_name="preconditions", pool_size=2)
    yield pool
    await pool.close()


async def test_preconditions_without_rows_pass_and_keep_their_effects(pool: Database) -> None:
    tenant = TenantId(new_id())
    async with pool.transaction([tenant], [LOCK]) as connection:
        assert connection.preconditions_passed
        assert await Sql(connection).fetchval(LOCKED) == 1
        assert await Sql(connection).fetchval(BOUND) == str(tenant)
        async with pool.transaction([tenant], [LOCK]) as other:
            assert not other.preconditions_passed


async def test_transaction_without_preconditions_has_not_passed_any(pool: Database) -> None:
    async with pool.transaction() as connection:
        assert not connection.preconditions_passed


async def test_refusal_begins_again_without_the_effects_of_earlier_preconditions(pool: Database) -> None:
    tenant = TenantId(new_id())
    async with pool.transaction([tenant], [LOCK, REFUSES]) as connection:
        assert not connection.preconditions_passed
        assert await Sql(connection).fetchval(LOCKED) == 0
        assert await Sql(connection).fetchval(BOUND) == str(tenant)
        await Sql(connection).execute(STORE, tenant)
    async with pool.transaction([tenant]) as connection:
        assert await Sql(connection).fetchval("select count(*) from idempotency_keys") == 1


async def test_preconditions_see_the_rows_of_the_bound_tenants_only(pool: Database) -> None:
    tenant, other = TenantId(new_id()), TenantId(new_id())
    async with pool.transaction([tenant]) as connection:
        await Sql(connection).execute(STORE, tenant)
    stored = Precondition("select from idempotency_keys where key = $1", ("key",))
    for bound, passes in ((tenant, False), (other, True)):
        async with pool.transaction([bound], [stored]) as connection:
            assert connection.preconditions_passed is passes


@pytest.mark.parametrize("text", ["it's", "a\\", "$1 and $2", "; select 1/0", "naïve"])
async def test_arguments_arrive_exactly_as_given(pool: Database, text: str) -> None:
    same = Precondition("select where convert_to($1, 'utf8') <> $2", (text, text.encode()))
    async with pool.transaction((), [same]) as connection:
        assert connection.preconditions_passed


async def test_precondition_that_waits_for_a_lock_fails_once_and_keeps_the_connections(database: Databases) -> None:
    where = await database("club", migrate)
    pool = Database(where.app, application_name="checks", pool_size=2)
    waits = Precondition("select from idempotency_keys where false", ())
    before = await servers(pool)
    async with connected(where.owner) as owner, owner.transaction():
        await owner.execute("lock table idempotency_keys")
        with pytest.raises(Transient, match="lock timeout"):
            async with pool.transaction((), [waits]):
                pass
    assert await servers(pool) == before
    await pool.close()


async def servers(pool: Database) -> set[int]:
    """The process ids of the two sessions of the pool."""
    async with pool.transaction() as one, pool.transaction() as two:
        return {driver(connection).get_server_pid() for connection in (one, two)}


async def test_precondition_that_fails_raises_its_error_and_leaves_the_pool_usable(pool: Database) -> None:
    for _ in range(3):
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with pool.transaction((), [Precondition("select where 1 / $1 = 1", (0,))]):
                pass
    async with pool.transaction((), [LOCK]) as connection:
        assert connection.preconditions_passed
