"""A consumer whose tables are locked leaves connections of the pool to the others (review A6)."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.fixtures.club import Stage
from tests.fixtures.club.runtime import write_path
from waypost.hosting.worker import transactions_per_consumer
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.database import Database
from waypost.postgres.unit_of_work import PostgresUnitsOfWork

POOL_SIZE = 5


async def test_two_locked_consumers_leave_a_connection_to_the_third(stage: Stage) -> None:
    pool = Database(stage.database.app, application_name="share", pool_size=POOL_SIZE, pool_timeout_seconds=0.5)
    units = PostgresUnitsOfWork(pool, write_path(stage.club))
    members, greetings, third = (
        PostgresConsumerTransactions(
            pool,
            units,
            stage.club.members,
            name=name,
            max_open_transactions=transactions_per_consumer(POOL_SIZE, 3),
        )
        for name in ("club.members", "club.greetings", "club.third")
    )
    unlocked, begun = asyncio.Event(), 0

    async def locked(transactions: PostgresConsumerTransactions) -> None:
        nonlocal begun
        async with transactions.begin(()):
            begun += 1
            await unlocked.wait()

    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        partitions = [asyncio.create_task(locked(consumer)) for consumer in (members, greetings) for _ in range(8)]
        for _ in range(20):
            async with third.begin(()) as transaction:
                assert await transaction.dead_letters.open_dead_letters(1) == 0
            assert await pool.is_reachable()
        assert begun == 4
        unlocked.set()
        await asyncio.gather(*partitions)
        assert begun == 16


@pytest.mark.parametrize(("pool_size", "consumers", "share"), [(5, 1, 4), (5, 2, 2), (5, 9, 2), (1, 3, 1), (2, 2, 1)])
def test_shares(pool_size: int, consumers: int, share: int) -> None:
    assert transactions_per_consumer(pool_size, consumers) == share
