"""The search for a version that dead letters of a key wait for, among its deferred records."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.contracts.test_dead_letters import dead_letter
from tests.fixtures.club.declaration import club
from tests.fixtures.club.topic import Topic, User
from waypost.engine.consumer.dead_letters import deferred_plan
from waypost.engine.consumer.dead_letters.deferred_records import DeferredRecords
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Record
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.deferrals import Deferral
from waypost.ports.subscription import Partition

TOPIC = "users.user"
PARTITION = Partition(TOPIC, 0)


class Log:
    """Counts what is read."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._next = 0
        self.read_from: list[int] = []

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[Any]:
        yield self

    async def first_offsets(self) -> Mapping[Partition, int]:
        return {PARTITION: 0}

    async def end_offsets(self) -> Mapping[Partition, int]:
        return {PARTITION: len(self._records)}

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        self._next = offsets[PARTITION]
        self.read_from.append(self._next)

    async def position(self, partition: Partition) -> int:
        return self._next

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        self._next += 1
        return self._records[self._next - 1 : self._next]


class Deferred:
    """A key whose dead letter has version 4, with the first version handled, and these versions on
    the topic.
    """

    def __init__(self, versions: Sequence[int]) -> None:
        members = club(TOPIC)
        producer: Any = None
        user = User(members)
        events = user.tells(*map(str, range(1, max(versions) + 1)))
        parts = Topic(club=members, bootstrap="", producer=producer).parts
        records = [
            Record(topic=TOPIC, partition=0, offset=offset, timestamp_ms=7, **parts(events[version - 1]))
            for offset, version in enumerate(versions)
        ]
        database = MemoryDatabase()
        units = MemoryUnitsOfWork(database, "club", SystemClock())
        self.log = Log(records)
        self.parked = ParkedKey(TOPIC, str(user.id).encode())
        self.transactions = MemoryConsumerTransactions(database, units, name="club.readers")
        parser = MessageParser.of(members.greetings, members.codec)
        self.reader = DeferredRecords(
            "club.readers", self.transactions, self.log, parser, ConsumerPolicy(), SystemClock()
        )
        self._user = user

    async def park(self) -> None:
        topic, key = self.parked.topic, self.parked.key
        async with self.transactions.begin(()) as transaction:
            await transaction.parked_keys.park(topic, [key])
            await transaction.dead_letters.insert([dead_letter(self.parked, 4)])
            await transaction.inbox.advance(topic, {self._user.id: 1})
            await transaction.deferrals.defer({key: Deferral(PARTITION, 0, self._user.tenant_id)})
            end = (await self.log.end_offsets())[PARTITION]
            await transaction.inbox.count_batch_start(PARTITION)
            assert await transaction.inbox.fence(PARTITION, expected=0, next_offset=end, topic_id=None)

    async def versions(self) -> set[int]:
        async with self.transactions.begin(()) as transaction:
            waiting = await transaction.dead_letters.waiting_versions(TOPIC, [self.parked.key])
        return set(waiting[self.parked.key])

    async def is_due(self) -> bool:
        async with self.transactions.begin(()) as transaction:
            return self.parked in await transaction.parked_keys.due(1)

    async def hold(self, version: int) -> None:
        async with self.transactions.begin(()) as transaction:
            await transaction.dead_letters.insert([dead_letter(self.parked, version)])

    async def handle(self, version: int) -> None:
        async with self.transactions.begin(()) as transaction:
            await transaction.inbox.advance(TOPIC, {self._user.id: version})


@pytest.fixture(autouse=True)
def scans_of_four_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred_plan, "MAX_SCANNED", 4)


async def test_missing_version_behind_many_records_is_found_in_several_scans() -> None:
    deferred = Deferred([5, 6, 7, 8, 9, 10, 11, 12, 3])
    await deferred.park()
    for _ in range(2):
        assert not await deferred.reader.store_next(deferred.parked)
        assert await deferred.is_due()
    assert await deferred.reader.store_next(deferred.parked)
    assert await deferred.versions() == {3, 4}
    assert deferred.log.read_from == [0, 4, 8]


async def test_records_without_the_missing_version_are_read_once() -> None:
    deferred = Deferred([5, 6, 7, 8, 9])
    await deferred.park()
    for _ in range(4):
        assert not await deferred.reader.store_next(deferred.parked)
    assert deferred.log.read_from == [0, 4, 5, 5]
    assert not await deferred.is_due()


async def test_versions_that_were_handled_are_not_wanted() -> None:
    deferred = Deferred([1, 5])
    await deferred.park()
    assert not await deferred.reader.store_next(deferred.parked)
    assert await deferred.versions() == {4}


async def test_search_begins_again_if_later_versions_are_missing() -> None:
    deferred = Deferred([6, 5])
    await deferred.park()
    await deferred.hold(7)
    assert not await deferred.reader.store_next(deferred.parked)
    await deferred.handle(4)
    assert await deferred.reader.store_next(deferred.parked)
    assert await deferred.versions() == {4, 5, 6, 7}
    assert deferred.log.read_from == [0, 0]


async def test_search_continues_below_a_version_that_it_found() -> None:
    deferred = Deferred([5, 3, 6, 7, 8, 2])
    await deferred.park()
    assert await deferred.reader.store_next(deferred.parked)
    assert await deferred.versions() == {3, 4}
    assert await deferred.reader.store_next(deferred.parked)
    assert await deferred.versions() == {2, 3, 4}
    assert deferred.log.read_from == [0, 4]


async def test_nothing_is_read_for_a_dead_letter_whose_turn_it_is() -> None:
    deferred = Deferred([5, 6])
    await deferred.park()
    await deferred.handle(3)
    assert await deferred.reader.store_next(deferred.parked)
    assert deferred.log.read_from == []
