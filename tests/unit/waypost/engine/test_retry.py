"""Whether a retry may help is decided from the error and its base classes, and stored as a fact of
the failure.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.message import Message, MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.retry import MAX_TRACEBACK_LENGTH, RetryPolicy, attempts_count_from_here, failure_of
from waypost.jobs.worker.failure import is_final
from waypost.kernel import errors
from waypost.kernel.clock import SystemClock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import NotYet, Permanent, Poison, Transient, WaypostError
from waypost.kernel.ids import EventId, new_id
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.dead_letters import DeadLetter, DeadLetterStatus, ParkedKey
from waypost.postgres.poolers import PoolerRefused
from waypost.postgres.refused_sessions import SessionRefused

NOW = datetime.now(UTC)


class CardRefused(Permanent):
    """A subclass, as a service declares it."""


class RowOfAnotherTopic(NotYet):
    """A subclass, as a service declares it."""


class LineDown(Transient):
    """A subclass, as a service declares it."""


class Base(Exception):
    """An error outside the tree."""


Base.__name__ = "Permanent"
"""A class of another library that happens to have the name."""

WITHOUT_ATTEMPTS = [
    NotYet(),
    RowOfAnotherTopic(),
    Transient(),
    LineDown(),
    errors.Unavailable("full", timedelta(seconds=1)),
    errors.NewerKind("newer", timedelta(seconds=1)),
    errors.NewerSchema(),
    SessionRefused(),
    PoolerRefused(),
]

OUTCOMES = [
    (Permanent(), DeadLetterStatus.DEAD),
    (CardRefused(), DeadLetterStatus.DEAD),
    (type("Deeper", (CardRefused,), {})(), DeadLetterStatus.DEAD),
    (Poison(), DeadLetterStatus.DEAD),
    (errors.UndecodableRecord(), DeadLetterStatus.DEAD),
    (errors.MalformedHeaders(), DeadLetterStatus.DEAD),
    (errors.TenantMismatch(), DeadLetterStatus.DEAD),
    (errors.UnstorableRecord(), DeadLetterStatus.DEAD),
    (errors.NewerSchema(), DeadLetterStatus.RETRYING),
    (NotYet(), DeadLetterStatus.RETRYING),
    (RowOfAnotherTopic(), DeadLetterStatus.RETRYING),
    (LineDown(), DeadLetterStatus.RETRYING),
    (PoolerRefused(), DeadLetterStatus.RETRYING),
    (errors.NotFound(), DeadLetterStatus.RETRYING),
    (Base(), DeadLetterStatus.RETRYING),
    (RuntimeError(), DeadLetterStatus.RETRYING),
]


def test_work_that_waits_for_a_row_is_tried_again_at_once_and_an_outage_after_a_second() -> None:
    """A row from another topic usually arrives within milliseconds."""

    def latest_pause_after(error: Exception, attempts: int) -> float:
        times = [RetryPolicy().status_after(failure_of(error), attempts, NOW)[1] for _ in range(50)]
        return max((at - NOW).total_seconds() for at in times if at)

    for waiting in (NotYet(), RowOfAnotherTopic()):
        assert latest_pause_after(waiting, 1) < 0.1
        assert 15 < latest_pause_after(waiting, 50) <= 25
    for outage in (Transient(), LineDown()):
        assert latest_pause_after(outage, 1) >= 0.75


def name_of(value: object) -> str:
    return "-".join(kind.__name__ for kind in type(value).__mro__[:3]) if isinstance(value, Exception) else str(value)


@pytest.mark.parametrize(("error", "status"), OUTCOMES, ids=name_of)
def test_first_failure_is_dead_only_where_a_retry_cannot_help(error: Exception, status: DeadLetterStatus) -> None:
    assert RetryPolicy().status_after(failure_of(error), 1, NOW)[0] is status


@pytest.mark.parametrize("error", WITHOUT_ATTEMPTS, ids=name_of)
def test_some_failures_use_no_attempts(error: Exception) -> None:
    policy = RetryPolicy(max_attempts=1)
    assert policy.status_after(failure_of(error), 1_000, NOW)[0] is DeadLetterStatus.RETRYING
    assert policy.status_after(failure_of(RuntimeError()), 1, NOW)[0] is DeadLetterStatus.DEAD
    assert attempts_count_from_here(failure_of(error), failure_of(RuntimeError()))
    assert not attempts_count_from_here(failure_of(error), failure_of(RowOfAnotherTopic()))
    assert not attempts_count_from_here(failure_of(RuntimeError()), failure_of(error))


@pytest.mark.parametrize(("error", "status"), OUTCOMES, ids=name_of)
async def test_retry_of_a_dead_letter_decides_like_the_first_attempt(
    error: Exception, status: DeadLetterStatus
) -> None:
    database = MemoryDatabase()
    transactions = MemoryConsumerTransactions(
        database, MemoryUnitsOfWork(database, "club", SystemClock()), name="club.readers"
    )
    parked = ParkedKey("users.user", b"ann")
    kept = dead_letter(parked)
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.park(parked.topic, [parked.key])
        await transaction.dead_letters.insert([kept])
    drain = ParkedKeyProcessor("club.readers", transactions, Everything(), Failing(error), ConsumerPolicy())

    await drain.attempt(parked)

    found = await drain.find(kept.id)
    assert found is not None
    assert found.status is status


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (CardRefused(), True),
        (type("Deeper", (CardRefused,), {})(), True),
        (type("Mine", (errors.Conflict,), {})(), True),
        (errors.UndecodableRecord(), True),
        (errors.NewerSchema(), False),
        (errors.ConcurrencyConflict("invoice", new_id(), 1), False),
        (RowOfAnotherTopic(), False),
        (LineDown(), False),
        (Base(), False),
    ],
    ids=name_of,
)
def test_job_is_dead_only_where_a_retry_cannot_help(error: Exception, final: bool) -> None:
    assert is_final(error) is final


def test_error_with_a_failing_str_is_stored() -> None:
    class Mute(WaypostError):
        """Raises in `__str__`."""

        def __str__(self) -> str:
            raise KeyError("text")

    assert failure_of(Mute()).error == "(its text raised KeyError)"


SECRET = "ann@example.com"


def deep(frames: int, email: str) -> None:
    if frames == 0:
        raise CardRefused from ValueError(email)
    deep(frames - 1, email)


def test_failure_holds_its_location_bounded_and_without_values() -> None:
    with pytest.raises(CardRefused) as caught:
        deep(500, SECRET)
    failure = failure_of(caught.value)
    assert failure.location is not None
    assert failure.location.startswith("tests/unit/waypost/engine/test_retry.py:")
    assert failure.location.endswith(" in deep")
    assert failure.traceback is not None
    assert len(failure.traceback) <= MAX_TRACEBACK_LENGTH
    assert "raise CardRefused" in failure.traceback
    assert "caused by ValueError" in failure.traceback
    assert SECRET not in failure.traceback


def test_failure_names_application_frames_before_installed_packages() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("{")
    failure = failure_of(caught.value)
    assert failure.location is not None
    assert failure.location.startswith("tests/unit/waypost/engine/test_retry.py:")
    assert "decoder.py" not in (failure.traceback or "")


def test_error_that_was_never_raised_has_no_location() -> None:
    failure = failure_of(Permanent())
    assert (failure.location, failure.traceback) == (None, None)


def dead_letter(parked: ParkedKey) -> DeadLetter:
    record = Record(topic=parked.topic, partition=0, offset=0, timestamp_ms=7, key=parked.key, value=b"", headers=[])
    return DeadLetter(
        id=new_id(),
        record=record,
        key=parked.key,
        event_id=EventId(new_id()),
        type="user.created",
        status=DeadLetterStatus.WAITING,
    )


class Everything(MessageParser):
    """A parser that accepts every record as an event."""

    def __init__(self) -> None:
        """Decodes nothing."""

    def parse(self, record: Record) -> Message:
        return Wanted(record=record)


class Wanted(Message):
    @property
    def has_handler(self) -> bool:
        return True


class Failing:
    by_batch = False

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, messages: Sequence[Message], batch: Batch, transaction: ConsumerTransaction) -> None:
        raise self._error
