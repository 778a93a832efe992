"""Two open transactions of one consumer: where both want a row, the second waits for the first."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.contracts.test_dead_letters import ANN, BOB, TOPIC, dead_letter
from tests.contracts.test_inbox import FIRST, Undone, entries
from waypost.kernel.errors import Transient
from waypost.kernel.ids import new_id
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions

__all__ = ["in_memory", "on_postgres", "service"]

Statement = Callable[[ConsumerTransaction], Awaitable[object]]


async def second_result(
    transactions: ConsumerTransactions, first: Statement, second: Statement, *, undo: bool = False
) -> object:
    """The result of the second statement, which begins while the transaction of the first is
    open.
    """
    begun, running = asyncio.Event(), None

    async def run_second() -> object:
        async with transactions.begin(()) as transaction:
            begun.set()
            return await second(transaction)

    try:
        async with transactions.begin(()) as transaction:
            await first(transaction)
            running = asyncio.create_task(run_second())
            await begun.wait()
            assert not (await asyncio.wait([running], timeout=0.05))[0]
            if undo:
                raise Undone
    except Undone:
        pass
    assert running is not None
    return await running


async def started(service: ServiceUnderTest) -> ConsumerTransactions:
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.inbox.count_batch_start(FIRST)
    return transactions


@pytest.mark.parametrize("undo", [False, True])
async def test_second_fence_waits_and_finds_the_position_moved(service: ServiceUnderTest, undo: bool) -> None:
    transactions = await started(service)

    async def fence(transaction: ConsumerTransaction) -> bool:
        return await transaction.inbox.fence(FIRST, expected=0, next_offset=1, topic_id=None)

    assert await second_result(transactions, fence, fence, undo=undo) is undo


@pytest.mark.parametrize("undo", [False, True])
async def test_second_claim_waits_for_the_first(service: ServiceUnderTest, undo: bool) -> None:
    (entry,) = entries(1)

    async def claim(transaction: ConsumerTransaction) -> frozenset[object]:
        return frozenset(await transaction.inbox.claim(FIRST, [entry]))

    claimed = await second_result(service.transactions("club.readers"), claim, claim, undo=undo)
    assert claimed == (frozenset([entry.event_id]) if undo else frozenset())


async def test_open_transaction_is_invisible_to_others(service: ServiceUnderTest) -> None:
    transactions, aggregate = await started(service), new_id()
    async with transactions.begin(()) as first, transactions.begin(()) as second:
        await first.inbox.advance(TOPIC, {aggregate: 2})
        await first.parked_keys.park(TOPIC, [ANN.key])
        assert await second.inbox.versions(TOPIC, [aggregate]) == {}
        assert await second.parked_keys.parked(TOPIC, [ANN.key]) == frozenset()
        assert await first.inbox.versions(TOPIC, [aggregate]) == {aggregate: 2}


async def test_statement_sees_what_was_committed_after_its_transaction_began(service: ServiceUnderTest) -> None:
    transactions, aggregate = await started(service), new_id()
    async with transactions.begin(()) as reading:
        assert await reading.inbox.versions(TOPIC, [aggregate]) == {}
        async with transactions.begin(()) as writing:
            await writing.inbox.advance(TOPIC, {aggregate: 1})
        assert await reading.inbox.versions(TOPIC, [aggregate]) == {aggregate: 1}


async def test_locked_key_is_skipped_or_waited_for(service: ServiceUnderTest) -> None:
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.dead_letters.insert([dead_letter(ANN, 1), dead_letter(BOB, 1)])
        await transaction.parked_keys.park(TOPIC, [ANN.key, BOB.key])
    async with transactions.begin(()) as first, transactions.begin(()) as second:
        assert await first.parked_keys.lock(ANN)
        assert not await second.parked_keys.lock(ANN)

    async def settle(transaction: ConsumerTransaction) -> None:
        assert await transaction.parked_keys.lock(BOB)
        await transaction.parked_keys.unpark(BOB)

    async def wait(transaction: ConsumerTransaction) -> bool:
        return await transaction.parked_keys.lock(BOB, wait=True)

    assert await second_result(transactions, settle, wait) is False


async def test_circle_of_waiting_transactions_is_a_transient_error(service: ServiceUnderTest) -> None:
    transactions, (one, two) = service.transactions("club.readers"), (new_id(), new_id())
    first_has_one, second_has_two = asyncio.Event(), asyncio.Event()

    async def advance(first: UUID, then: UUID, mine: asyncio.Event, others: asyncio.Event) -> None:
        async with transactions.begin(()) as transaction:
            await transaction.inbox.advance(TOPIC, {first: 1})
            mine.set()
            await others.wait()
            await transaction.inbox.advance(TOPIC, {then: 1})

    results = await asyncio.gather(
        advance(one, two, first_has_one, second_has_two),
        advance(two, one, second_has_two, first_has_one),
        return_exceptions=True,
    )
    assert sorted(map(type, results), key=str) == sorted([type(None), Transient], key=str)
