"""What every store of letters promises its consumer."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.fixtures.operators import MANDATE
from waypost.kernel.envelope import Record
from waypost.kernel.ids import EventId, new_id
from waypost.ports.dead_letters import VERSION_CONFLICT, Failure, Letter, ParkedKey, Status

__all__ = ["in_memory", "on_postgres", "service"]

TOPIC = "users.user"
ANN = ParkedKey(TOPIC, b"ann")
BOB = ParkedKey(TOPIC, b"bob")
NOW = datetime.now(UTC)


def letter(parked: ParkedKey, sequence: int | None, status: Status = Status.WAITING, **changes: Any) -> Letter:
    offset = changes.pop("offset", sequence or 0)
    record = Record(
        topic=parked.topic,
        partition=0,
        offset=offset,
        timestamp_ms=7,
        key=b"\xff\x00",
        value=b"\x00 bytes",
        headers=[("ce_id", b"text"), ("other", b"\xfe\x00")],
    )
    given: dict[str, Any] = {"event_id": EventId(new_id()), "type": "user.created", **changes}
    return Letter(id=new_id(), record=record, key=parked.key, sequence=sequence, status=status, **given)


def failure(error_class: str = "RuntimeError") -> Failure:
    return Failure(
        error_class=error_class,
        error="broken",
        fingerprint="f",
        retryable=False,
        awaits_topic=True,
        location="members.py:3 in add",
        traceback="members.py:3 in add\n    add()",
    )


async def test_a_letter_comes_back_as_it_was_kept(service: ServiceUnderTest) -> None:
    kept = letter(ANN, 2, Status.RETRYING, attempts=1, next_attempt_at=NOW, failure=failure(), tenant_id=new_id())
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        await intake.letters.keep([kept])
    async with intakes.begin(()) as intake:
        assert await intake.letters.find(kept.id) == kept


async def test_an_event_is_kept_once_by_each_consumer(service: ServiceUnderTest) -> None:
    event_id = EventId(new_id())
    for consumer in ("club.readers", "club.writers"):
        first, second = letter(ANN, 1, event_id=event_id), letter(ANN, 1, event_id=event_id)
        async with service.intakes(consumer).begin(()) as intake:
            await intake.letters.keep([first])
            await intake.letters.keep([second])
            assert await intake.letters.find(first.id) is not None
            assert await intake.letters.find(second.id) is None


async def test_the_lowest_version_above_the_guard_goes_first(service: ServiceUnderTest) -> None:
    second, third, fourth = letter(ANN, 2, Status.DISCARDED), letter(ANN, 3), letter(ANN, 4, Status.DEAD)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([fourth, third, second, letter(ANN, 1, Status.REDRIVEN), letter(BOB, 1)])
        assert await intake.letters.first(ANN, 1) == second
        assert await intake.letters.first(ANN, 2) == third
        assert await intake.letters.first(ANN, 4) is None
        assert await intake.letters.held(TOPIC, [ANN.key]) == {ANN.key: {2, 3, 4}}


async def test_without_sequences_the_oldest_goes_first(service: ServiceUnderTest) -> None:
    late, early = letter(ANN, None, offset=9), letter(ANN, None, offset=4)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([late, early, letter(ANN, None, Status.DISCARDED, offset=1)])
        assert await intake.letters.first(ANN, 0) == early


async def test_what_stands_in_no_line_is_never_first(service: ServiceUnderTest) -> None:
    unreadable = letter(ANN, None, Status.DEAD, type=None, failure=failure())
    second_event = letter(ANN, 1, Status.DEAD, failure=failure(VERSION_CONFLICT))
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([unreadable, second_event])
        assert await intake.letters.first(ANN, 0) is None
        assert await intake.letters.held(TOPIC, [ANN.key]) == {}


async def test_a_key_is_parked_for_its_consumer_until_it_is_unparked(service: ServiceUnderTest) -> None:
    intakes = service.intakes("club.readers")
    async with intakes.begin(()) as intake:
        await intake.letters.park(TOPIC, [ANN.key])
        await intake.letters.park(TOPIC, [ANN.key])
        assert await intake.letters.parked(TOPIC, [ANN.key, BOB.key]) == {ANN.key}
    async with service.intakes("club.writers").begin(()) as other:
        assert await other.letters.parked(TOPIC, [ANN.key]) == frozenset()
    async with intakes.begin(()) as intake:
        assert await intake.letters.lock(ANN)
        await intake.letters.unpark(ANN)
        assert not await intake.letters.lock(ANN)


async def test_due_is_what_may_be_tried_or_waits_for_nothing(service: ServiceUnderTest) -> None:
    keys = [ParkedKey(TOPIC, name.encode()) for name in ("ripe", "early", "dead", "gap", "empty")]
    ripe, early, dead, gap, empty = keys
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.park(TOPIC, [each.key for each in keys])
        await intake.letters.keep(
            [
                letter(ripe, 1, Status.RETRYING, next_attempt_at=NOW - timedelta(seconds=1), failure=failure()),
                letter(early, 1, Status.RETRYING, next_attempt_at=NOW + timedelta(minutes=1), failure=failure()),
                letter(dead, 1, Status.DEAD, failure=failure()),
                letter(dead, 2),
                letter(gap, 3),
                letter(empty, 1, Status.REDRIVEN),
            ]
        )
        assert set(await intake.letters.due(NOW, 10)) == {ripe, gap, empty}
        assert len(await intake.letters.due(NOW, 1)) == 1
        tally = await intake.letters.tally()
    assert (tally.parked_keys, tally.letters) == (5, {Status.RETRYING: 2, Status.DEAD: 1, Status.WAITING: 2})


async def test_an_update_keeps_the_last_failure_on_record(service: ServiceUnderTest) -> None:
    kept = letter(ANN, 1, Status.DEAD, attempts=5, failure=failure())
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([kept])
        await intake.letters.update(kept.id, status=Status.REDRIVEN, attempts=6)
        found = await intake.letters.find(kept.id)
    assert found is not None
    assert (found.status, found.attempts, found.next_attempt_at) == (Status.REDRIVEN, 6, None)
    assert found.failure == failure()


@pytest.mark.parametrize("status", [Status.RETRYING, Status.WAITING])
async def test_an_attempt_is_counted_and_unfinished_until_its_end(service: ServiceUnderTest, status: Status) -> None:
    kept = letter(ANN, 1, status, attempts=2)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([kept])
        begun = await intake.letters.begin(await intake.letters.begin(kept, next_attempt_at=NOW), next_attempt_at=NOW)
        assert begun == await intake.letters.find(kept.id)
        assert (begun.status, begun.attempts, begun.unfinished, begun.redrives) == (Status.RETRYING, 4, 2, 0)
        await intake.letters.update(kept.id, status=Status.RETRYING, attempts=4)
        ended = await intake.letters.find(kept.id)
    assert ended is not None
    assert ended.unfinished == 0


async def test_a_dead_letter_stays_dead_while_it_is_redriven(service: ServiceUnderTest) -> None:
    dead, waiting = letter(ANN, 1, Status.DEAD, attempts=5, failure=failure()), letter(ANN, 2)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([dead, waiting])
        begun = [await intake.letters.begin(each, next_attempt_at=NOW, mandate=MANDATE) for each in (dead, waiting)]
    assert [(each.status, each.attempts, each.redrives) for each in begun] == [
        (Status.DEAD, 6, 1),
        (Status.RETRYING, 1, 1),
    ]


@pytest.mark.parametrize("status", [Status.RETRYING, Status.WAITING, Status.DEAD])
async def test_an_attempt_that_is_taken_back_leaves_the_letter_as_it_was(
    service: ServiceUnderTest, status: Status
) -> None:
    kept = letter(ANN, 1, status, attempts=2, next_attempt_at=NOW, failure=failure())
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([kept])
        await intake.letters.begin(kept, next_attempt_at=NOW + timedelta(minutes=1), mandate=MANDATE)
        await intake.letters.take_back(kept)
        assert await intake.letters.find(kept.id) == kept


async def test_failed_is_what_has_failed_and_what_waits_behind_it(service: ServiceUnderTest) -> None:
    dee = ParkedKey(TOPIC, b"dee")
    failed = [letter(ANN, 1, Status.RETRYING, failure=failure()), letter(BOB, 1, Status.DEAD, failure=failure())]
    early = [letter(dee, 3), letter(dee, 4)]
    apart = [letter(dee, 1, Status.DEAD, failure=failure(VERSION_CONFLICT)), letter(dee, None, Status.DEAD, type=None)]
    settled = [letter(BOB, 4, Status.DISCARDED), letter(dee, 2, Status.REDRIVEN)]
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([*failed, letter(ANN, 2), letter(ANN, 4), letter(BOB, 2), *early, *apart, *settled])
        assert [await intake.letters.failed_letters(at_most) for at_most in (1, 10)] == [1, 7]
        assert await intake.letters.open_letters(10) == 9


async def test_a_discarded_letter_is_open_no_more(service: ServiceUnderTest) -> None:
    kept, other = letter(ANN, 1, Status.DEAD, attempts=5), letter(ANN, 2)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([kept, other])
        assert [await intake.letters.open_letters(at_most) for at_most in (1, 10)] == [1, 2]
        await intake.letters.discard(kept, MANDATE)
        assert await intake.letters.open_letters(10) == 1
        assert await intake.letters.find(kept.id) == replace(kept, status=Status.DISCARDED)


async def test_failure_without_location_replaces_the_last_one_whole(service: ServiceUnderTest) -> None:
    kept = letter(ANN, 1, Status.DEAD, attempts=5, failure=failure())
    died = Failure(error_class="ProcessDied", error="died", fingerprint="p")
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.keep([kept])
        await intake.letters.update(kept.id, status=Status.DEAD, attempts=6, failure=died)
        found = await intake.letters.find(kept.id)
    assert found is not None
    assert found.failure == died


@pytest.mark.parametrize(
    "key", [b"", b"\x00", b"\xff" * 255, os.urandom(2_705), os.urandom(4_000), os.urandom(1_000_000)]
)
async def test_dead_letter_lives_its_whole_life_under_any_key(service: ServiceUnderTest, key: bytes) -> None:
    """An index row of PostgreSQL holds 2,704 bytes; a key of Kafka may be as long as its record."""
    parked, near = ParkedKey(TOPIC, key), ParkedKey(TOPIC, key + b"!")
    first, second = letter(parked, None, Status.DEAD, failure=failure()), letter(parked, None, offset=9)
    async with service.intakes("club.readers").begin(()) as intake:
        await intake.letters.park(TOPIC, [parked.key])
        await intake.letters.keep([first, second])
        assert await intake.letters.parked(TOPIC, [near.key, parked.key]) == {parked.key}
        assert await intake.letters.first(parked, 0) == first
        assert await intake.letters.first(near, 0) is None
        assert await intake.letters.failed_letters(10) == 2
        await intake.letters.begin(first, next_attempt_at=NOW, mandate=MANDATE)
        await intake.letters.discard(first, MANDATE)
        assert await intake.letters.due(NOW, 10) == [parked]
        assert await intake.letters.find(second.id) == second
        assert await intake.letters.lock(parked)
        await intake.letters.unpark(parked)
        assert await intake.letters.parked(TOPIC, [parked.key]) == frozenset()
