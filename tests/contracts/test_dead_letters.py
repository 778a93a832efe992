"""Behaviour of every dead-letter store, as a consumer needs it."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.fixtures.operators import AUDIT
from waypost.kernel.envelope import Record
from waypost.kernel.ids import EventId, new_id
from waypost.ports.dead_letters import VERSION_CONFLICT, DeadLetter, DeadLetterStatus, Failure, ParkedKey

__all__ = ["in_memory", "on_postgres", "service"]

TOPIC = "users.user"
ANN = ParkedKey(TOPIC, b"ann")
BOB = ParkedKey(TOPIC, b"bob")
NOW = datetime.now(UTC)


def dead_letter(
    parked: ParkedKey, sequence: int | None, status: DeadLetterStatus = DeadLetterStatus.WAITING, **changes: Any
) -> DeadLetter:
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
    return DeadLetter(id=new_id(), record=record, key=parked.key, sequence=sequence, status=status, **given)


def failure(error_class: str = "RuntimeError") -> Failure:
    return Failure(
        error_class=error_class,
        error="broken",
        fingerprint="f",
        retryable=False,
        uses_no_attempt=True,
        location="members.py:3 in add",
        traceback="members.py:3 in add\n    add()",
    )


async def test_dead_letter_is_returned_as_stored(service: ServiceUnderTest) -> None:
    kept = dead_letter(
        ANN, 2, DeadLetterStatus.RETRYING, attempts=1, next_attempt_at=NOW, failure=failure(), tenant_id=new_id()
    )
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.dead_letters.insert([kept])
    async with transactions.begin(()) as transaction:
        assert await transaction.dead_letters.find(kept.id) == kept


async def test_each_consumer_stores_an_event_once(service: ServiceUnderTest) -> None:
    event_id = EventId(new_id())
    for consumer in ("club.readers", "club.writers"):
        first, second = dead_letter(ANN, 1, event_id=event_id), dead_letter(ANN, 1, event_id=event_id)
        async with service.transactions(consumer).begin(()) as transaction:
            await transaction.dead_letters.insert([first])
            await transaction.dead_letters.insert([second])
            assert await transaction.dead_letters.find(first.id) is not None
            assert await transaction.dead_letters.find(second.id) is None


async def test_lowest_version_above_the_guard_is_first(service: ServiceUnderTest) -> None:
    second, third, fourth = (
        dead_letter(ANN, 2, DeadLetterStatus.DISCARDED),
        dead_letter(ANN, 3),
        dead_letter(ANN, 4, DeadLetterStatus.DEAD),
    )
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert(
            [fourth, third, second, dead_letter(ANN, 1, DeadLetterStatus.REDRIVEN), dead_letter(BOB, 1)]
        )
        assert await transaction.dead_letters.first(ANN, 1) == second
        assert await transaction.dead_letters.first(ANN, 2) == third
        assert await transaction.dead_letters.first(ANN, 4) is None
        assert await transaction.dead_letters.waiting_versions(TOPIC, [ANN.key]) == {ANN.key: {2, 3, 4}}


async def test_oldest_is_first_without_sequences(service: ServiceUnderTest) -> None:
    late, early = dead_letter(ANN, None, offset=9), dead_letter(ANN, None, offset=4)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert(
            [late, early, dead_letter(ANN, None, DeadLetterStatus.DISCARDED, offset=1)]
        )
        assert await transaction.dead_letters.first(ANN, 0) == early


async def test_dead_letter_outside_the_key_order_is_never_first(service: ServiceUnderTest) -> None:
    unreadable = dead_letter(ANN, None, DeadLetterStatus.DEAD, type=None, failure=failure())
    second_event = dead_letter(ANN, 1, DeadLetterStatus.DEAD, failure=failure(VERSION_CONFLICT))
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([unreadable, second_event])
        assert await transaction.dead_letters.first(ANN, 0) is None
        assert await transaction.dead_letters.waiting_versions(TOPIC, [ANN.key]) == {}


async def test_key_is_parked_for_its_consumer_until_unparked(service: ServiceUnderTest) -> None:
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key])
        await transaction.parked_keys.park(TOPIC, [ANN.key])
        assert await transaction.parked_keys.parked(TOPIC, [ANN.key, BOB.key]) == {ANN.key}
    async with service.transactions("club.writers").begin(()) as other:
        assert await other.parked_keys.parked(TOPIC, [ANN.key]) == frozenset()
    async with transactions.begin(()) as transaction:
        assert await transaction.parked_keys.lock(ANN)
        await transaction.parked_keys.unpark(ANN)
        assert not await transaction.parked_keys.lock(ANN)


async def test_update_without_failure_keeps_the_last_one(service: ServiceUnderTest) -> None:
    kept = dead_letter(ANN, 1, DeadLetterStatus.DEAD, attempts=5, failure=failure())
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([kept])
        await transaction.dead_letters.update(kept.id, status=DeadLetterStatus.REDRIVEN, attempts=6)
        found = await transaction.dead_letters.find(kept.id)
    assert found is not None
    assert (found.status, found.attempts, found.next_attempt_at) == (DeadLetterStatus.REDRIVEN, 6, None)
    assert found.failure == failure()


@pytest.mark.parametrize("status", [DeadLetterStatus.RETRYING, DeadLetterStatus.WAITING])
async def test_attempt_is_counted_and_unfinished_until_its_end(
    service: ServiceUnderTest, status: DeadLetterStatus
) -> None:
    kept = dead_letter(ANN, 1, status, attempts=2)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([kept])
        begun = await transaction.dead_letters.begin(
            await transaction.dead_letters.begin(kept, next_attempt_at=NOW), next_attempt_at=NOW
        )
        assert begun == await transaction.dead_letters.find(kept.id)
        assert (begun.status, begun.attempts, begun.unfinished, begun.redrives) == (DeadLetterStatus.RETRYING, 4, 2, 0)
        await transaction.dead_letters.update(kept.id, status=DeadLetterStatus.RETRYING, attempts=4)
        ended = await transaction.dead_letters.find(kept.id)
    assert ended is not None
    assert ended.unfinished == 0


async def test_dead_letter_stays_dead_during_a_redrive(service: ServiceUnderTest) -> None:
    dead, waiting = dead_letter(ANN, 1, DeadLetterStatus.DEAD, attempts=5, failure=failure()), dead_letter(ANN, 2)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([dead, waiting])
        begun = [
            await transaction.dead_letters.begin(each, next_attempt_at=NOW, audit_context=AUDIT)
            for each in (dead, waiting)
        ]
    assert [(each.status, each.attempts, each.redrives) for each in begun] == [
        (DeadLetterStatus.DEAD, 6, 1),
        (DeadLetterStatus.RETRYING, 1, 1),
    ]


@pytest.mark.parametrize("status", [DeadLetterStatus.RETRYING, DeadLetterStatus.WAITING, DeadLetterStatus.DEAD])
async def test_undone_attempt_restores_the_dead_letter(service: ServiceUnderTest, status: DeadLetterStatus) -> None:
    kept = dead_letter(ANN, 1, status, attempts=2, next_attempt_at=NOW, failure=failure())
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([kept])
        await transaction.dead_letters.begin(kept, next_attempt_at=NOW + timedelta(minutes=1), audit_context=AUDIT)
        await transaction.dead_letters.undo_attempt(kept)
        assert await transaction.dead_letters.find(kept.id) == kept


async def test_failed_count_includes_dead_letters_behind_failed_ones(service: ServiceUnderTest) -> None:
    dee = ParkedKey(TOPIC, b"dee")
    failed = [
        dead_letter(ANN, 1, DeadLetterStatus.RETRYING, failure=failure()),
        dead_letter(BOB, 1, DeadLetterStatus.DEAD, failure=failure()),
    ]
    early = [dead_letter(dee, 3), dead_letter(dee, 4)]
    apart = [
        dead_letter(dee, 1, DeadLetterStatus.DEAD, failure=failure(VERSION_CONFLICT)),
        dead_letter(dee, None, DeadLetterStatus.DEAD, type=None),
    ]
    settled = [dead_letter(BOB, 4, DeadLetterStatus.DISCARDED), dead_letter(dee, 2, DeadLetterStatus.REDRIVEN)]
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert(
            [*failed, dead_letter(ANN, 2), dead_letter(ANN, 4), dead_letter(BOB, 2), *early, *apart, *settled]
        )
        assert [await transaction.dead_letters.failed_dead_letters(at_most) for at_most in (1, 10)] == [1, 7]
        assert await transaction.dead_letters.open_dead_letters(10) == 9


async def test_discarded_dead_letter_is_not_open(service: ServiceUnderTest) -> None:
    kept, other = dead_letter(ANN, 1, DeadLetterStatus.DEAD, attempts=5), dead_letter(ANN, 2)
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([kept, other])
        assert [await transaction.dead_letters.open_dead_letters(at_most) for at_most in (1, 10)] == [1, 2]
        await transaction.dead_letters.discard(kept, AUDIT)
        assert await transaction.dead_letters.open_dead_letters(10) == 1
        assert await transaction.dead_letters.find(kept.id) == replace(kept, status=DeadLetterStatus.DISCARDED)


async def test_failure_without_location_replaces_the_last_one(service: ServiceUnderTest) -> None:
    kept = dead_letter(ANN, 1, DeadLetterStatus.DEAD, attempts=5, failure=failure())
    died = Failure(error_class="ProcessDied", error="died", fingerprint="p")
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.dead_letters.insert([kept])
        await transaction.dead_letters.update(kept.id, status=DeadLetterStatus.DEAD, attempts=6, failure=died)
        found = await transaction.dead_letters.find(kept.id)
    assert found is not None
    assert found.failure == died


@pytest.mark.parametrize(
    "key", [b"", b"\x00", b"\xff" * 255, os.urandom(2_705), os.urandom(4_000), os.urandom(1_000_000)]
)
async def test_dead_letter_life_cycle_works_with_any_key(service: ServiceUnderTest, key: bytes) -> None:
    """A PostgreSQL index row holds 2,704 bytes; a Kafka key may be as long as its record."""
    parked, near = ParkedKey(TOPIC, key), ParkedKey(TOPIC, key + b"!")
    first, second = (
        dead_letter(parked, None, DeadLetterStatus.DEAD, failure=failure()),
        dead_letter(parked, None, offset=9),
    )
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [parked.key])
        await transaction.dead_letters.insert([first, second])
        assert await transaction.parked_keys.parked(TOPIC, [near.key, parked.key]) == {parked.key}
        assert await transaction.dead_letters.first(parked, 0) == first
        assert await transaction.dead_letters.first(near, 0) is None
        assert await transaction.dead_letters.failed_dead_letters(10) == 2
        await transaction.dead_letters.begin(first, next_attempt_at=NOW, audit_context=AUDIT)
        await transaction.dead_letters.discard(first, AUDIT)
        assert await transaction.parked_keys.due(10) == [parked]
        assert await transaction.dead_letters.find(second.id) == second
        assert await transaction.parked_keys.lock(parked)
        await transaction.parked_keys.unpark(parked)
        assert await transaction.parked_keys.parked(TOPIC, [parked.key]) == frozenset()
