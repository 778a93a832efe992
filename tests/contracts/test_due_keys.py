"""The parked keys that are due, and their order."""

from dataclasses import replace
from datetime import timedelta

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.contracts.test_dead_letters import NOW, TOPIC, dead_letter, failure
from tests.fixtures.operators import AUDIT
from waypost.ports.dead_letters import DeadLetterStatus, ParkedKey

__all__ = ["in_memory", "on_postgres", "service"]


async def test_key_is_due_if_its_first_is_due_or_none_is_left(service: ServiceUnderTest) -> None:
    keys = [ParkedKey(TOPIC, name.encode()) for name in ("ripe", "early", "dead", "gap", "empty")]
    ripe, early, dead, gap, empty = keys
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [each.key for each in keys])
        await transaction.dead_letters.insert(
            [
                dead_letter(
                    ripe, 1, DeadLetterStatus.RETRYING, next_attempt_at=NOW - timedelta(seconds=1), failure=failure()
                ),
                dead_letter(
                    early, 1, DeadLetterStatus.RETRYING, next_attempt_at=NOW + timedelta(hours=1), failure=failure()
                ),
                dead_letter(dead, 1, DeadLetterStatus.DEAD, failure=failure()),
                dead_letter(dead, 2),
                dead_letter(gap, 3),
                dead_letter(empty, 1, DeadLetterStatus.REDRIVEN),
            ]
        )
        await transaction.parked_keys.schedule(TOPIC, [each.key for each in keys])
        assert set(await transaction.parked_keys.due(10)) == {ripe, gap, empty}
        assert len(await transaction.parked_keys.due(1)) == 1
        tally = await transaction.dead_letters.tally()
    assert (tally.parked_keys, tally.dead_letters) == (
        5,
        {DeadLetterStatus.RETRYING: 2, DeadLetterStatus.DEAD: 1, DeadLetterStatus.WAITING: 2},
    )


async def test_keys_that_have_waited_are_due_after_the_others(service: ServiceUnderTest) -> None:
    waited, failed = ParkedKey(TOPIC, b"waited"), ParkedKey(TOPIC, b"failed")
    long_ago, recently = NOW - timedelta(hours=1), NOW - timedelta(seconds=1)
    waits = replace(failure(), uses_no_attempt=True)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [waited.key, failed.key])
        await transaction.dead_letters.insert(
            [
                dead_letter(waited, 1, DeadLetterStatus.RETRYING, next_attempt_at=long_ago, failure=waits),
                dead_letter(
                    failed,
                    1,
                    DeadLetterStatus.RETRYING,
                    next_attempt_at=recently,
                    failure=replace(failure(), uses_no_attempt=False),
                ),
            ]
        )
        await transaction.parked_keys.schedule(TOPIC, [waited.key, failed.key])
        assert await transaction.parked_keys.due(10) == [failed, waited]


async def test_key_is_scheduled_by_each_change_of_its_first_dead_letter(service: ServiceUnderTest) -> None:
    parked = ParkedKey(TOPIC, b"ann")
    first, second = dead_letter(parked, 1, DeadLetterStatus.RETRYING, failure=failure()), dead_letter(parked, 2)
    later = NOW + timedelta(hours=1)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [parked.key])
        await transaction.dead_letters.insert([first, second])

        async def is_due() -> bool:
            return await transaction.parked_keys.due(10) == [parked]

        assert await is_due()
        begun = await transaction.dead_letters.begin(first, next_attempt_at=later)
        assert not await is_due()
        await transaction.dead_letters.undo_attempt(first)
        assert await is_due()
        await transaction.dead_letters.update(
            begun.id, status=DeadLetterStatus.RETRYING, attempts=2, next_attempt_at=later
        )
        assert not await is_due()
        assert await transaction.parked_keys.due_in() is not None
        await transaction.dead_letters.update(begun.id, status=DeadLetterStatus.DEAD, attempts=3)
        assert not await is_due()
        assert await transaction.parked_keys.due_in() == timedelta(days=1)
        await transaction.dead_letters.discard(first, AUDIT)
        assert await is_due()  # the second one
        await transaction.dead_letters.update(second.id, status=DeadLetterStatus.REDRIVEN, attempts=1)
        assert await is_due()  # to be unparked


async def test_key_behind_a_missing_version_is_due_a_minute_after_it_was_parked(service: ServiceUnderTest) -> None:
    parked, other = ParkedKey(TOPIC, b"ann"), ParkedKey(TOPIC, b"bob")
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [parked.key], awaits_version=True)
        await transaction.dead_letters.insert([dead_letter(parked, 2)])
        assert await transaction.parked_keys.due(10) == []
        assert await transaction.parked_keys.due_in() == timedelta(minutes=1)
        await transaction.parked_keys.park(TOPIC, [parked.key])
        assert await transaction.parked_keys.due(10) == []  # it was parked before
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.schedule(TOPIC, [parked.key, other.key])
        assert await transaction.parked_keys.due(10) == [parked]
        await transaction.parked_keys.await_version(parked)
        assert await transaction.parked_keys.due_in() == timedelta(minutes=1)
    async with service.transactions("club.writers").begin(()) as transaction:
        assert (await transaction.parked_keys.due(10), await transaction.parked_keys.due_in()) == ([], None)


async def test_pauses_end_except_of_keys_whose_first_dead_letter_is_dead(service: ServiceUnderTest) -> None:
    gap, dead = ParkedKey(TOPIC, b"ann"), ParkedKey(TOPIC, b"bob")
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [gap.key, dead.key], awaits_version=True)
        await transaction.dead_letters.insert(
            [dead_letter(gap, 2), dead_letter(dead, 1, DeadLetterStatus.DEAD, failure=failure())]
        )
        await transaction.parked_keys.schedule(TOPIC, [dead.key])
        assert await transaction.parked_keys.due(10) == []
        await transaction.parked_keys.end_pauses()
        assert await transaction.parked_keys.due(10) == [gap]
