"""The locks of a rebuild's swap last as long as its last events take, however long the history."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import live, rebuilt
from tests.integration.consumer.test_rebuild_of_own_events import Office
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.errors import Transient
from waypost.postgres import stable_position as stable
from waypost.postgres.database import Database
from waypost.postgres.rebuild import inline_shadow, swap
from waypost.testing.database import connected

# Rows that this session's transaction has read from tables of the application.
_ROWS_READ = text("""
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables""")

_STORE = """
insert into events (tenant_id, aggregate_type, aggregate_id, version, event_id, type, schema_id, payload, metadata, occurred_at)
select $1, 'user', gen_random_uuid(), 1, gen_random_uuid(), 'user.archived', 1, '', '{}', now() from generate_series(1, $2)"""
_ADD_ROWS = "insert into members.members select $1, gen_random_uuid(), '{old}' from generate_series(1, $2)"
_ADD_VERSIONS = "insert into members.versions select 'another.topic', gen_random_uuid(), 1 from generate_series(1, $1)"

FEW = 10_000
MANY = 100_000


class RowsReadUnderLocks:
    """Counts the rows that swaps read, from before they lock until they rename the tables."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, locking: ModuleType, swap_class: type[Any]) -> None:
        self.counts: list[int] = []
        self._before = 0
        self._limit_locks: Callable[..., Awaitable[None]] = locking.limit_locks
        self._complete: Callable[[Any], Awaitable[None]] = swap_class.complete
        monkeypatch.setattr(locking, "limit_locks", self.begin)
        counter = self

        async def complete(one: Any) -> None:
            await counter.end(getattr(one, "rows", None) or one._connection)
            await counter._complete(one)

        monkeypatch.setattr(swap_class, "complete", complete)

    async def begin(self, connection: AsyncConnection, **options: Any) -> None:
        await self._limit_locks(connection, **options)
        self._before = await rows_read(connection)

    async def end(self, connection: AsyncConnection) -> None:
        self.counts.append(await rows_read(connection) - self._before)


async def rows_read(connection: AsyncConnection) -> int:
    return int(await connection.scalar(_ROWS_READ) or 0)


async def test_writers_wait_for_no_read_of_the_history(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    office, ann = Office(stage), stage.user()
    under_locks = RowsReadUnderLocks(monkeypatch, inline_shadow, inline_shadow.PostgresInlineSwap)
    for more in (FEW, MANY - FEW):
        await store(stage, ann.tenant_id, more)
        await office.call(ann.tenant_id, ann.id, "Ann")
        assert (await office.rebuilt()).swapped
    assert await stage.names(ann) == [["Ann", "Ann"]]
    at_few, at_many = under_locks.counts
    assert at_few == at_many <= 10


async def test_a_consumer_waits_for_no_read_of_its_read_model(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [stage.user() for _ in range(5)]
    await live(stage, people)
    under_locks = RowsReadUnderLocks(monkeypatch, swap, swap.PostgresSwap)
    for rows in (FEW, MANY):
        await add_rows(stage, people[0].tenant_id, rows)
        report = await rebuilt(stage)
        assert report.swapped
        assert report.comparison.comparisons[0].live_rows == rows + len(people)
    at_few, at_many = under_locks.counts
    assert at_few == at_many <= 50


async def store(stage: Stage, tenant_id: object, events: int) -> None:
    """Events that the projection ignores, and as many rows of its read model."""
    async with connected(stage.database.owner) as owner:
        await bind(owner, tenant_id)
        await owner.execute(_STORE, tenant_id, events)
        await owner.execute(_ADD_ROWS, tenant_id, events)
        await owner.execute("analyze events")


async def add_rows(stage: Stage, tenant_id: object, rows: int) -> None:
    async with connected(stage.database.owner) as owner:
        await bind(owner, tenant_id)
        await owner.execute(_ADD_ROWS, tenant_id, rows)
        await owner.execute(_ADD_VERSIONS, rows)


async def bind(owner: asyncpg.Connection, tenant_id: object) -> None:
    await owner.execute("select set_config('app.tenants', $1, false)", str(tenant_id))


async def test_an_event_between_the_comparison_and_the_swap_is_in_the_new_rows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, ann = Office(stage), stage.user()
    await office.call(ann.tenant_id, ann.id, "first")
    open_swap = inline_shadow.PostgresInlineShadow.swap

    @asynccontextmanager
    async def swap_after_an_event(shadow: inline_shadow.PostgresInlineShadow) -> AsyncIterator[Any]:
        await office.call(ann.tenant_id, ann.id, "second")
        async with open_swap(shadow) as opened:
            yield opened

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(inline_shadow.PostgresInlineShadow, "swap", swap_after_an_event)
        report = await office.rebuilt()
    assert (report.swapped, report.records) == (True, 2)
    assert await stage.names(ann) == [["first", "second"]]


class BetweenTransactions(OperatorRate):
    """A rate that observes the rebuild between its transactions."""

    def __init__(self, observer: asyncpg.Connection) -> None:
        super().__init__(None)
        self._observer = observer
        self.snapshots: list[int] = []

    async def after(self, records: int) -> None:
        self.snapshots.append(
            await self._observer.fetchval(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and application_name = 'club-rebuild-owner' and backend_xmin is not null"
            )
        )


async def test_a_long_read_holds_back_no_vacuum(stage: Stage) -> None:
    """A transaction that is open during all reads would keep the dead rows of the whole
    database.
    """
    ann = stage.user()
    await store(stage, ann.tenant_id, 2_000)
    async with connected(stage.database.owner) as observer:
        rate = BetweenTransactions(observer)
        await Office(stage).rebuilt(rate=rate)
    assert len(rate.snapshots) >= 4
    assert set(rate.snapshots) == {0}


async def test_a_position_is_stable_when_earlier_writers_have_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader above a later position would never read the late commit."""
    ann = stage.user()
    owner = Database(stage.database.owner, application_name="test", pool_size=2)
    async with connected(stage.database.app) as late:
        await bind(late, ann.tenant_id)
        writing = late.transaction()
        await writing.start()
        await late.execute(_STORE, ann.tenant_id, 1)
        await store(stage, ann.tenant_id, 1)

        with monkeypatch.context() as impatient, pytest.raises(Transient, match=r"more than 0 s.*pg_prepared_xacts"):
            impatient.setattr(stable, "WRITER_SECONDS", 0.2)
            await stable.stable_position(owner)

        waiting = asyncio.create_task(stable.stable_position(owner))
        await asyncio.sleep(0)
        await writing.commit()
        assert await waiting == 2
    await owner.close()
