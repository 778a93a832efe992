"""Which parked keys the retries of a consumer process, in which order, and when they sleep."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.waypost.engine.test_retry import Everything, dead_letter
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.attempt_result import AttemptResult
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.retry_timer import RetryTimer
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.clock import SystemClock
from waypost.kernel.ids import new_id
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.dead_letters import DeadLetter, DeadLetterStatus, ParkedKey
from waypost.testing.clock import MovableClock
from waypost.testing.eventually import eventually

TOPIC = "users.user"
ANN, BOB, EVE = (ParkedKey(TOPIC, name) for name in (b"ann", b"bob", b"eve"))


class Recording(ParkedKeyProcessor):
    """Records the key of each attempt, before it begins."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.attempted: list[ParkedKey] = []

    async def attempt(self, parked: ParkedKey, *context: Any, **options: Any) -> AttemptResult:
        self.attempted.append(parked)
        return await super().attempt(parked, *context, **options)


class Handling:
    """A handler that succeeds, after what the test wants."""

    by_batch = False

    def __init__(self) -> None:
        self.handled: list[bytes | None] = []
        self.before: Callable[[bytes | None], Any] = lambda _: None

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        for message in messages:
            if (waits := self.before(message.record.key)) is not None:
                await waits
            self.handled.append(message.record.key)


class Retries:
    """The retries of one consumer in memory."""

    def __init__(self, **changes: Any) -> None:
        self.clock = MovableClock()
        database = MemoryDatabase(self.clock)
        self.policy = replace(ConsumerPolicy(), **changes)
        self.transactions = MemoryConsumerTransactions(
            database, MemoryUnitsOfWork(database, "club", SystemClock()), name="club.readers"
        )
        self.handler = Handling()
        self.processor = Recording("club.readers", self.transactions, Everything(), self.handler, self.policy)
        self.timer = RetryTimer("club.readers", self.processor, self.policy)

    async def park(self, parked: ParkedKey, *dead_letters: DeadLetter, awaits_version: bool = False) -> None:
        async with self.transactions.begin(()) as transaction:
            await transaction.parked_keys.park(TOPIC, [parked.key], awaits_version=awaits_version)
            await transaction.dead_letters.insert(dead_letters)
            if not awaits_version:
                await transaction.parked_keys.schedule(TOPIC, [parked.key])

    def failed(self, parked: ParkedKey, after: timedelta) -> DeadLetter:
        """A dead letter that is due after this time."""
        return replace(
            dead_letter(parked), status=DeadLetterStatus.RETRYING, attempts=1, next_attempt_at=self.clock.now() + after
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.timer.start()
        try:
            yield
        finally:
            await self.timer.drain(5)
            await self.timer.stop()


def waiting(parked: ParkedKey, number: int) -> list[DeadLetter]:
    letters = [dead_letter(parked) for _ in range(number)]
    return [replace(each, record=each.record._replace(offset=offset)) for offset, each in enumerate(letters)]


async def test_due_dead_letter_is_attempted_before_3000_keys_that_wait_for_a_version() -> None:
    retries = Retries()
    gaps = [ParkedKey(TOPIC, str(new_id()).encode()) for _ in range(3_000)]
    async with retries.transactions.begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [gap.key for gap in gaps], awaits_version=True)
        await transaction.dead_letters.insert([replace(dead_letter(gap), sequence=3) for gap in gaps])
    await retries.park(ANN, retries.failed(ANN, after=timedelta(seconds=1)))
    retries.clock.move(timedelta(seconds=1))
    async with retries.running():
        await eventually(lambda: retries.handler.handled)
    assert retries.processor.attempted == [ANN]

    await retries.park(BOB, retries.failed(BOB, after=timedelta(minutes=2)))
    retries.clock.move(timedelta(minutes=2))  # every key is looked at again
    async with retries.running():
        await eventually(lambda: len(retries.processor.attempted) > 10)
    assert retries.processor.attempted[:2] == [ANN, BOB]


async def test_missing_version_makes_its_key_due_at_once() -> None:
    retries = Retries()
    gap = ParkedKey(TOPIC, str(new_id()).encode())
    await retries.park(gap, replace(dead_letter(gap), sequence=2), awaits_version=True)
    async with retries.transactions.begin(()) as transaction:
        await transaction.parked_keys.schedule(TOPIC, [gap.key])
    assert await retries.processor.due(1) == [gap]


async def test_key_with_many_dead_letters_lets_others_have_a_turn() -> None:
    retries = Retries(retried_keys=1, dead_letters_per_turn=10)
    await retries.park(ANN, *waiting(ANN, 25))
    retries.clock.move(timedelta(seconds=1))
    await retries.park(BOB, *waiting(BOB, 1))
    retries.clock.move(timedelta(seconds=1))
    async with retries.running():
        await eventually(lambda: len(retries.handler.handled) == 26)
    assert retries.handler.handled.index(BOB.key) == 10
    async with retries.transactions.begin(()) as transaction:
        assert not await transaction.parked_keys.parked(TOPIC, [ANN.key, BOB.key])


async def test_slow_key_does_not_delay_a_key_that_becomes_due_meanwhile() -> None:
    retries, release = Retries(retried_keys=2), asyncio.Event()
    retries.handler.before = lambda key: release.wait() if key == ANN.key else None
    await retries.park(ANN, *waiting(ANN, 1))
    async with retries.running():
        await eventually(lambda: retries.processor.attempted)
        for parked in (BOB, EVE):
            await retries.park(parked, *waiting(parked, 1))
            retries.timer.wakeup.set()
        await eventually(lambda: len(retries.handler.handled) == 2)
        release.set()
        await eventually(lambda: len(retries.handler.handled) == 3)
    assert retries.handler.handled == [BOB.key, EVE.key, ANN.key]


async def test_no_dead_letter_begins_after_a_drain_has() -> None:
    retries = Retries()
    retries.handler.before = lambda _: retries.timer.draining.set()
    await retries.park(ANN, *waiting(ANN, 3))
    async with retries.running():
        await eventually(lambda: retries.handler.handled)
    assert retries.handler.handled == [ANN.key]
    assert await retries.processor.due(1) == [ANN]


async def test_it_sleeps_until_the_next_key_is_due() -> None:
    retries = Retries()
    longest = retries.policy.retry_poll_seconds * retries.policy.retry_idle_polls
    await retries.park(BOB, replace(dead_letter(BOB), status=DeadLetterStatus.DEAD))
    assert await retries.timer.tick() == longest
    await retries.park(ANN, retries.failed(ANN, after=timedelta(seconds=7)))
    assert await retries.timer.tick() == pytest.approx(7, abs=0.5)
    assert retries.processor.attempted == []


async def test_key_that_another_process_holds_has_another_turn_after_a_pause() -> None:
    retries = Retries(retry_poll_seconds=1000.0)
    await retries.park(ANN, *waiting(ANN, 1))
    async with retries.transactions.begin(()) as other:
        assert await other.parked_keys.lock(ANN)
        async with retries.running():
            await eventually(lambda: retries.timer._locked)
            retries.timer.wakeup.set()
            await eventually(lambda: not retries.timer.wakeup.is_set())
    assert retries.processor.attempted == [ANN]
    assert await retries.timer.tick() == pytest.approx(1000, abs=0.5)
