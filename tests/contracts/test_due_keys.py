"""The parked keys that are due, and their order."""

from dataclasses import replace
from datetime import timedelta

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.contracts.test_dead_letters import NOW, TOPIC, dead_letter, failure
from waypost.ports.dead_letters import ParkedKey, Status

__all__ = ["in_memory", "on_postgres", "service"]


async def test_key_is_due_if_its_first_is_due_or_none_is_left(service: ServiceUnderTest) -> None:
    keys = [ParkedKey(TOPIC, name.encode()) for name in ("ripe", "early", "dead", "gap", "empty")]
    ripe, early, dead, gap, empty = keys
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.park(TOPIC, [each.key for each in keys])
        await transaction.dead_letters.insert(
            [
                dead_letter(ripe, 1, Status.RETRYING, next_attempt_at=NOW - timedelta(seconds=1), failure=failure()),
                dead_letter(early, 1, Status.RETRYING, next_attempt_at=NOW + timedelta(minutes=1), failure=failure()),
                dead_letter(dead, 1, Status.DEAD, failure=failure()),
                dead_letter(dead, 2),
                dead_letter(gap, 3),
                dead_letter(empty, 1, Status.REDRIVEN),
            ]
        )
        assert set(await transaction.dead_letters.due(NOW, 10)) == {ripe, gap, empty}
        assert len(await transaction.dead_letters.due(NOW, 1)) == 1
        tally = await transaction.dead_letters.tally()
    assert (tally.parked_keys, tally.dead_letters) == (5, {Status.RETRYING: 2, Status.DEAD: 1, Status.WAITING: 2})


async def test_keys_that_have_waited_are_due_after_the_others(service: ServiceUnderTest) -> None:
    waited, failed = ParkedKey(TOPIC, b"waited"), ParkedKey(TOPIC, b"failed")
    long_ago, recently = NOW - timedelta(hours=1), NOW - timedelta(seconds=1)
    waits = replace(failure(), uses_no_attempt=True)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.park(TOPIC, [waited.key, failed.key])
        await transaction.dead_letters.insert(
            [
                dead_letter(waited, 1, Status.RETRYING, next_attempt_at=long_ago, failure=waits),
                dead_letter(
                    failed,
                    1,
                    Status.RETRYING,
                    next_attempt_at=recently,
                    failure=replace(failure(), uses_no_attempt=False),
                ),
            ]
        )
        assert await transaction.dead_letters.due(NOW, 10) == [failed, waited]
