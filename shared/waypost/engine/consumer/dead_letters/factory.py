"""Builds the dead letter of a message that is not handled now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from waypost.engine.consumer.guard import Decision
from waypost.engine.consumer.message import Message
from waypost.engine.retry import RetryPolicy, failure_of
from waypost.kernel.ids import new_id
from waypost.ports.dead_letters import VERSION_CONFLICT, DeadLetter, DeadLetterStatus, Failure


def waiting(message: Message) -> DeadLetter:
    """A dead letter that waits for an earlier version of its aggregate."""
    return _dead_letter(message, status=DeadLetterStatus.WAITING)


def failed(message: Message, failure: Failure, retry: RetryPolicy, now: datetime) -> DeadLetter:
    """The dead letter of a poison record, or of a message whose handler raised for the first
    time.
    """
    status, next_attempt_at = retry.status_after(failure, 1, now)
    return _dead_letter(message, status=status, attempts=1, next_attempt_at=next_attempt_at, failure=failure)


def conflicting(message: Message) -> DeadLetter:
    """The dead letter of a second event under a version that is handled already."""
    error = f"version {message.sequence} of {message.aggregate_id} was handled already, as another event"
    failure = Failure(error_class=VERSION_CONFLICT, error=error, fingerprint=VERSION_CONFLICT)
    return _dead_letter(message, status=DeadLetterStatus.DEAD, attempts=1, failure=failure)


def dead_letter_for(
    message: Message, decision: Decision, failure: Failure | None, retry: RetryPolicy, now: datetime
) -> DeadLetter | None:
    """The dead letter for a decision; None where the decision stores none."""
    match decision:
        case Decision.WAITING:
            return waiting(message)
        case Decision.FAILED if failure is not None:
            return failed(message, failure, retry, now)
        case Decision.POISON if message.poison is not None:
            return failed(message, failure_of(message.poison), retry, now)
        case Decision.CONFLICT:
            return conflicting(message)
        case _:
            return None


def in_order_of_ids(dead_letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """The same dead letters with their ids in the order of the sequence. Operators see them in the
    order of time and id, and the dead letters of one transaction have the same time.
    """
    ids = sorted(dead_letter.id for dead_letter in dead_letters)
    return [replace(dead_letter, id=id_) for dead_letter, id_ in zip(dead_letters, ids, strict=True)]


def _dead_letter(
    message: Message,
    *,
    status: DeadLetterStatus,
    attempts: int = 0,
    next_attempt_at: datetime | None = None,
    failure: Failure | None = None,
) -> DeadLetter:
    attributes = message.attributes
    return DeadLetter(
        id=new_id(),
        record=message.record,
        key=message.record.key if attributes is None else message.key,
        event_id=message.event_id,
        tenant_id=attributes.tenant_id if attributes else None,
        type=attributes.event_type if attributes else None,
        sequence=message.sequence,
        status=status,
        attempts=attempts,
        next_attempt_at=next_attempt_at,
        failure=failure,
    )
