"""The statements of retries read as many pages at the limits of dead letters as with a few."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.fixtures.club import club, migrate, opened
from tests.fixtures.club.runtime import write_path
from tests.unit.waypost.engine.test_retry import Everything, Wanted, dead_letter
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.envelope import Record
from waypost.kernel.ids import new_id
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.consumers import Reactor
from waypost.ports.dead_letters import DeadLetterStatus, ParkedKey
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.sql import Sql, driver
from waypost.postgres.unit_of_work import PostgresUnitsOfWork
from waypost.testing.database import Databases, connected

NAME, TOPIC = "club.readers", "users.user"
LIMITS = ConsumerPolicy()
FEW = {"dead": 100, "waiting": 100, "settled": 100}
AT_THE_LIMITS = {
    "dead": LIMITS.max_dead_letters,
    "waiting": LIMITS.max_out_of_order_dead_letters,
    "settled": LIMITS.max_dead_letters,
}
MORE_LEVELS = 12
"""Pages that a statement may read more: a larger index has another level."""
REPETITIONS = 2
"""The lowest count of these executions. A statement that meets a full index page looks for
removable entries in up to six table pages, and then splits the page (nbtree/README, "Bottom-Up
deletion"). About one insertion in a hundred does, at any size; the next finds space.
"""

# Dead keys are blocked, the others wait for their second version. The settled dead letters belong
# to one key.
_FILL = (
    """
    insert into parked_keys (consumer, topic, key, due_at, waits)
    select $1, $2, convert_to(kind.status || '-' || n, 'UTF8'), now() + interval '1 hour', true
    from (values ('dead', $3::int), ('waiting', $4::int)) as kind (status, number), generate_series(1, kind.number) as n""",
    """
    insert into dead_letters (consumer, id, event_id, topic, partition, kafka_offset, key, sequence, type, headers, status)
    select $1, gen_random_uuid(), gen_random_uuid(), $2, 0, n, convert_to(kind.status || '-' || n, 'UTF8'),
           case when kind.status = 'waiting' then 3 else 1 end, 'user.created', '{}', kind.status
    from (values ('dead', $3::int), ('waiting', $4::int)) as kind (status, number), generate_series(1, kind.number) as n""",
    """
    insert into dead_letters (consumer, id, event_id, topic, partition, kafka_offset, key, sequence, type, headers, status)
    select $1, gen_random_uuid(), gen_random_uuid(), $2, 0, n, $3, n, 'user.created', '{}', 'redriven'
    from generate_series(1, $4::int) as n""",
)


class Doing:
    """A handler that fails, or does nothing."""

    by_batch = False
    fails = True

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        if self.fails:
            raise RuntimeError


@dataclass
class Pages:
    """Pages that each statement has read."""

    most: dict[str, int] = field(default_factory=dict)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            monkeypatch.setattr(Sql, name, self._explained(getattr(Sql, name)))

    def _explained(self, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def explained(sql: Sql, statement: str, *arguments: object) -> Any:
            raw = driver(sql._connection)
            pages = min([await _pages_of(raw, statement, arguments) for _ in range(REPETITIONS)])
            self.most[statement] = max(pages, self.most.get(statement, 0))
            return await run(sql, statement, *arguments)

        return explained


async def _pages_of(raw: asyncpg.Connection, statement: str, arguments: Sequence[object]) -> int:
    """Undoes the effects of the statement, but not the splits of index pages."""
    await raw.execute("savepoint explained")
    plan = await raw.fetchval(f"explain (analyze, buffers, format json) {statement}", *arguments)
    await raw.execute("rollback to savepoint explained")
    read: dict[str, int] = plan[0]["Plan"]
    return read["Shared Hit Blocks"] + read["Shared Read Blocks"]


class Numbered(Everything):
    """Every record is the version of its offset."""

    def parse(self, record: Record) -> Message:
        return Versioned(record=record)


class Versioned(Wanted):
    @property
    def sequence(self) -> int:
        return self.record.offset

    @property
    def aggregate_id(self) -> UUID:
        return UUID(self.key.decode())


@dataclass(frozen=True, slots=True)
class Retries:
    transactions: PostgresConsumerTransactions
    owner: asyncpg.Connection

    async def fill(self, *, dead: int, waiting: int, settled: int) -> ParkedKey:
        """Returns a key with settled dead letters and two that are to be handled."""
        parked = ParkedKey(TOPIC, str(new_id()).encode())
        await self.owner.execute("delete from dead_letters")
        await self.owner.execute("delete from parked_keys")
        for statement in _FILL[:2]:
            await self.owner.execute(statement, NAME, TOPIC, dead, waiting)
        await self.owner.execute(_FILL[2], NAME, TOPIC, parked.key, settled)
        async with self.transactions.begin(()) as transaction:
            await transaction.inbox.advance(TOPIC, {UUID(parked.key.decode()): settled})
        for table in ("dead_letters", "parked_keys"):
            await self.owner.execute(f"vacuum (analyze) {table}")
        return parked

    async def pages(self, monkeypatch: pytest.MonkeyPatch, parked: ParkedKey, settled: int) -> Mapping[str, int]:
        """Parks the key, retries it, and looks for due keys."""
        handler, pages = Doing(), Pages()
        processor = ParkedKeyProcessor(NAME, self.transactions, Numbered(), handler, ConsumerPolicy())
        first, second = (
            replace(dead_letter(parked), record=dead_letter(parked).record._replace(offset=version), sequence=version)
            for version in (settled + 1, settled + 3)
        )
        with monkeypatch.context() as patch:
            pages.watch(patch)
            async with self.transactions.begin(()) as transaction:
                await transaction.parked_keys.park(TOPIC, [parked.key])
                await transaction.dead_letters.insert([first, second])
                await transaction.parked_keys.schedule(TOPIC, [parked.key])
            assert await processor.due(10) == [parked]
            assert (await processor.attempt(parked)).outcome is ParkedKeyOutcome.FAILED
            due, due_in = await processor.select_due(10)
            assert (due, due_in is not None and due_in < timedelta(minutes=1)) == ([], True)
            async with self.transactions.begin(()) as transaction:
                assert await transaction.parked_keys.lock(parked)
                past = datetime.now(UTC) - timedelta(hours=1)
                await transaction.dead_letters.update(
                    first.id, status=DeadLetterStatus.RETRYING, attempts=1, next_attempt_at=past
                )
            handler.fails = False
            assert [attempt.outcome for attempt in await processor.process(parked)] == [
                ParkedKeyOutcome.HANDLED,
                ParkedKeyOutcome.VERSION_MISSING,
            ]
        return pages.most


@pytest.fixture
async def retries(database: Databases) -> AsyncIterator[Retries]:
    made = await database("club", migrate)
    async with opened(made.app) as pool, connected(made.owner) as owner:
        units = PostgresUnitsOfWork(pool, write_path(club(TOPIC)))
        yield Retries(PostgresConsumerTransactions(pool, units, Reactor("readers", {}), name=NAME), owner)


async def test_retries_read_no_more_pages_at_the_limits(retries: Retries, monkeypatch: pytest.MonkeyPatch) -> None:
    few = await retries.pages(monkeypatch, await retries.fill(**FEW), FEW["settled"])
    many = await retries.pages(monkeypatch, await retries.fill(**AT_THE_LIMITS), AT_THE_LIMITS["settled"])
    assert few.keys() == many.keys()
    more = {
        statement: (few[statement], read) for statement, read in many.items() if read > few[statement] + MORE_LEVELS
    }
    assert more == {}
