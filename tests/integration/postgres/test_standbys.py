"""The relay does not read events that the promotion of a standby could undo."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.fixtures.database_pair import DatabasePair, running_pair
from tests.fixtures.outbox import NewRow, write
from waypost.kernel.errors import Transient
from waypost.kernel.ids import new_id
from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.postgres.database import Database
from waypost.postgres.outbox import standbys
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.stored_records import PostgresStoredRecords
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

SHARDS = range(16)
_ASKS = "select count(*) from pg_stat_activity where application_name = 'waypost-relay-reading' and query like '%restart_lsn%'"
_UNFLUSHED = "select pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()"
"""The server flushes a page of the log by itself when it is full."""

_STORE_EVENT = """
insert into events (tenant_id, aggregate_type, aggregate_id, version, event_id, type, schema_id, payload, metadata, occurred_at)
values ($1, 'user', $2, 1, $3, 'user.created', 1, '', '{}', now())"""


@pytest.fixture
async def pair() -> AsyncIterator[DatabasePair]:
    async with running_pair(synchronous=False) as made:
        yield made


@pytest.fixture
async def users(pair: DatabasePair) -> ServiceDatabase:
    return (await pair.databases("users"))["users"]


async def write_row(users: ServiceDatabase, payload: bytes) -> None:
    async with connected(users.owner) as owner:
        await write(owner, NewRow(topic="users.user", key=b"key", payload=payload))


async def read(lease: OutboxLease) -> Sequence[PendingRow]:
    return await lease.read_pending(SHARDS, in_flight=(), held=(), rows_per_shard=10, bytes_per_shard=10_000)


async def until_it_asks(pair: DatabasePair) -> None:
    async with connected(pair.admin_dsn) as admin:
        await eventually(lambda: admin.fetchval(_ASKS))


async def test_a_row_is_read_when_the_standby_has_it(pair: DatabasePair, users: ServiceDatabase) -> None:
    async with PostgresOutbox(users.relay).lease() as lease:
        await write_row(users, b"1")
        assert [row.payload for row in await read(lease)] == [b"1"]
        await pair.standby.kill()
        await write_row(users, b"2")
        reading = asyncio.create_task(read(lease))
        await until_it_asks(pair)
        assert not reading.done()
        await pair.standby.start()
        assert [row.payload for row in await reading] == [b"1", b"2"]


async def test_open_transactions_do_not_delay_a_read(
    pair: DatabasePair, users: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their part of the log may not be flushed, so that no standby receives it: a read must wait
    only for commits that it has seen.
    """
    monkeypatch.setattr(standbys, "CONFIRMATION_SECONDS", 0.5)
    async with PostgresOutbox(users.relay).lease() as lease, connected(users.owner) as other:
        await write_row(users, b"1")
        # The first read of a row may write to the log, and the server flushes that soon.
        assert [row.payload for row in await read(lease)] == [b"1"]
        async with other.transaction():
            await eventually(lambda: _leaves_something_unflushed(other))
            assert [row.payload for row in await read(lease)] == [b"1"]


async def test_a_standby_that_does_not_answer_is_an_outage_that_is_named(
    pair: DatabasePair, users: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "CONFIRMATION_SECONDS", 0.2)
    await pair.standby.kill()
    await write_row(users, b"1")
    async with PostgresOutbox(users.relay).lease() as lease:
        with pytest.raises(
            Transient, match=r"standbys of postgres_standby .* remove them from synchronized_standby_slots"
        ):
            await read(lease)


async def test_a_standby_that_is_added_while_a_lease_lasts_is_awaited(
    pair: DatabasePair, users: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "SETTING_SECONDS", 0.0)
    monkeypatch.setattr(standbys, "CONFIRMATION_SECONDS", 0.2)
    async with connected(pair.admin_dsn) as admin:
        setting = await admin.fetchval("show synchronized_standby_slots")
        await set_slots(admin, "")
        await eventually(lambda: _is_empty(users))
        await pair.standby.kill()
        await write_row(users, b"1")
        async with PostgresOutbox(users.relay).lease() as lease:
            assert [row.payload for row in await read(lease)] == [b"1"]
            await set_slots(admin, setting)
            with pytest.raises(Transient, match="postgres_standby"):
                await eventually(lambda: _is_not_read(lease))


async def _is_not_read(lease: OutboxLease) -> bool:
    await read(lease)
    return False


async def _leaves_something_unflushed(connection: asyncpg.Connection) -> bool:
    await write(connection, NewRow(topic="users.user", key=b"key", payload=b"2"))
    return bool(await connection.fetchval(_UNFLUSHED))


async def set_slots(admin: asyncpg.Connection, slots: str) -> None:
    await admin.execute(f"alter system set synchronized_standby_slots = '{slots}'")
    await admin.execute("select pg_reload_conf()")


async def test_stored_records_that_a_promotion_could_undo_are_not_published_again(
    pair: DatabasePair, users: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standbys, "CONFIRMATION_SECONDS", 0.2)
    await pair.standby.kill()
    async with connected(users.app) as app:
        tenant_id = new_id()
        await app.execute("select set_config('app.tenants', $1, false)", str(tenant_id))
        await app.execute(_STORE_EVENT, tenant_id, new_id(), new_id())
    pool = Database(users.owner, application_name="tests", pool_size=1)
    with pytest.raises(Transient, match="postgres_standby"):
        await anext(aiter(PostgresStoredRecords(pool, "users.user").all(10)))
    await pool.close()


async def test_standbys_that_are_not_awaited_are_reported(pair: DatabasePair, users: ServiceDatabase) -> None:
    async with connected(pair.admin_dsn) as admin:
        await admin.execute("alter system set synchronized_standby_slots = ''")
        await admin.execute("select pg_reload_conf()")
        await eventually(lambda: _is_empty(users))
    with capture_logs() as logs:
        async with PostgresOutbox(users.relay).lease() as lease:
            await pair.standby.kill()
            await write_row(users, b"1")
            assert [row.payload for row in await read(lease)] == [b"1"]
    assert [(entry["event"], entry["slots"]) for entry in logs] == [("standbys_not_awaited", ["postgres_standby"])]


async def _is_empty(users: ServiceDatabase) -> bool:
    async with connected(users.relay) as relay:
        return str(await relay.fetchval("show synchronized_standby_slots")) == ""
