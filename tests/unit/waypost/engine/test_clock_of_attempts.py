"""The database's clock decides when a dead letter is attempted, not the clock of a process."""

from datetime import timedelta

from tests.unit.waypost.engine.test_guard import BOOM, KEY, attributes, record
from tests.unit.waypost.engine.test_retry import Failing
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.pipeline import Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.subscription import Partition
from waypost.testing.clock import MovableClock

PARTITION = Partition("users.user", 0)


async def test_dead_letter_of_a_process_whose_clock_is_ahead_is_due_after_its_pause() -> None:
    clock, ahead = MovableClock(), MovableClock()
    ahead.move(timedelta(hours=1))
    database = MemoryDatabase(clock)
    transactions = MemoryConsumerTransactions(database, MemoryUnitsOfWork(database, "club", ahead), name="club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.inbox.count_batch_start(PARTITION)
    pipeline = Pipeline("club.readers", transactions, Failing(RuntimeError()), ConsumerPolicy(), ahead)
    failed = Message(record=record(0, KEY), attributes=attributes(1, ahead.now()))
    await pipeline.process(Batch(partition=PARTITION, expected=0, topic_id=None, messages=[failed], failures={0: BOOM}))
    async with transactions.begin(()) as transaction:
        due_in = await transaction.parked_keys.due_in()
        assert due_in is not None
        assert due_in < timedelta(seconds=2)
    clock.move(timedelta(seconds=2))
    async with transactions.begin(()) as transaction:
        assert await transaction.parked_keys.due(1) == [ParkedKey(PARTITION.topic, KEY)]
