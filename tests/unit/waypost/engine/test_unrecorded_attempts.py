"""The end of an attempt at a dead letter that the database could not store."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from tests.unit.waypost.engine.test_retry import Everything, Failing, LineDown, dead_letter
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.retry import RetryPolicy
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import Transient, WaypostError
from waypost.kernel.ids import TenantId
from waypost.memory.consumer_transaction import MemoryConsumerTransaction, MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.dead_letters import DeadLetterStatus, ParkedKey
from waypost.postgres.poolers import PoolerRefused
from waypost.postgres.refused_sessions import SessionRefused


class Flapping(MemoryConsumerTransactions):
    """A database that is lost after some more transactions."""

    error: Exception
    left: int | None = None

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[MemoryConsumerTransaction]:
        if self.left == 0:
            raise self.error
        self.left = None if self.left is None else self.left - 1
        async with super().begin(tenants) as transaction:
            yield transaction


@pytest.mark.parametrize(
    "error", [Transient(), SessionRefused(), PoolerRefused()], ids=lambda error: type(error).__name__
)
async def test_attempts_whose_end_cannot_be_stored_do_not_count_as_ends_of_the_process(error: WaypostError) -> None:
    database = MemoryDatabase()
    transactions = Flapping(database, MemoryUnitsOfWork(database, "club", SystemClock()), name="club.readers")
    transactions.error = error
    parked = ParkedKey("users.user", b"ann")
    kept = dead_letter(parked)
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.park(parked.topic, [parked.key])
        await transaction.dead_letters.insert([kept])
    policy = ConsumerPolicy(retry=RetryPolicy(pauses=Backoff(first_seconds=0.0)))
    retries = ParkedKeyProcessor("club.readers", transactions, Everything(), Failing(LineDown()), policy)
    for begun in (1, *[2] * 8):  # the count, and before it the end of the attempt before
        transactions.left = begun
        with pytest.raises(type(error)):
            await retries.attempt(parked)
    transactions.left = None
    assert (await retries.attempt(parked)).outcome is ParkedKeyOutcome.FAILED
    found = await retries.find(kept.id)
    assert found is not None
    assert (found.status, found.attempts) == (DeadLetterStatus.RETRYING, 1)
