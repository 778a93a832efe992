"""Letters as an operator is shown them, by the routes and by the command's `--json`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.operations.dead_letters import Redrive, RedriveResult
from waypost.operations.records import Seen, told
from waypost.ports.codec import EventCodec
from waypost.ports.dead_letters import Status
from waypost.postgres.dead_letters.search import StoredDeadLetter
from waypost.web.models import ResponseModel


class DeadLetterView(ResponseModel):
    id: UUID
    status: Status
    consumer: str
    event_id: UUID
    type: str | None
    """null where the record's headers could not be read."""
    tenant_id: UUID | None
    key: str | None
    sequence: int | None
    attempts: int
    redrives: int
    first_failed_at: datetime
    next_attempt_at: datetime | None
    error_class: str | None
    error: str | None
    fingerprint: str | None
    """The same for the same fault of the code."""
    retryable: bool | None
    """Whether a retry may help; null where nothing has failed yet."""
    location: str | None
    """File, line and function that raised the error."""

    @classmethod
    def of(cls, kept: StoredDeadLetter) -> Self:
        dead_letter, failure = kept.dead_letter, kept.dead_letter.failure
        return cls(
            id=dead_letter.id,
            status=dead_letter.status,
            consumer=kept.consumer,
            event_id=dead_letter.event_id,
            type=dead_letter.type,
            tenant_id=dead_letter.tenant_id,
            key=None if dead_letter.key is None else dead_letter.key.decode(errors="backslashreplace"),
            sequence=dead_letter.sequence,
            attempts=dead_letter.attempts,
            redrives=dead_letter.redrives,
            first_failed_at=kept.first_failed_at,
            next_attempt_at=dead_letter.next_attempt_at,
            error_class=failure and failure.error_class,
            error=failure and failure.error,
            fingerprint=failure and failure.fingerprint,
            retryable=failure and failure.retryable,
            location=failure and failure.location,
        )


class DeadLetterWithRecordView(DeadLetterView):
    record: dict[str, Any]
    """As it came, with the decoded body."""
    traceback: str | None
    """The last frames of the error outside installed packages, with their source lines."""

    @classmethod
    def with_record(cls, kept: StoredDeadLetter, codec: EventCodec, *, personal: bool = False) -> Self:
        record = told(Seen.of(kept.dead_letter.record), codec, personal=personal)
        failure = kept.dead_letter.failure
        traceback = failure.traceback if failure else None
        return cls(**DeadLetterView.of(kept).model_dump(), record=record, traceback=traceback)


class EntryView(ResponseModel):
    id: UUID
    type: str | None
    sequence: int | None
    status: Status
    error_class: str | None
    error: str | None
    """Of a redrive that has just failed."""
    matches: bool
    """Whether it was asked for, or only stands in the line of one that was."""


class KeyView(ResponseModel):
    """A key with its letters, in the order in which they are handled."""

    consumer: str
    key: str
    outcome: Outcome | None
    """Why it went no further; null where nothing was tried."""
    dead_letters: Sequence[EntryView]

    @classmethod
    def of(cls, drained: RedriveResult) -> Self:
        dead_letters = [EntryView.model_validate(each) for each in drained.dead_letters]
        key = drained.key.decode(errors="backslashreplace")
        return cls(consumer=drained.consumer, key=key, outcome=drained.outcome, dead_letters=dead_letters)


class RedriveView(ResponseModel):
    service: str
    keys: Sequence[KeyView]
    unprocessable: Sequence[EntryView]
    """Letters that match, and hold nothing that could be handled: they can only be discarded."""
    unprocessable_left: int
    """How many more of these there are than `keys` asks for."""
    settled: int
    """How many letters match besides, and were settled before."""
    left: int
    """Keys that were not worked off: the same request again takes them."""

    @classmethod
    def of(cls, redrive: Redrive) -> Self:
        return cls(
            service=redrive.service,
            keys=[KeyView.of(each) for each in redrive.drained],
            unprocessable=[EntryView.model_validate(each) for each in redrive.selection.unprocessable],
            unprocessable_left=redrive.selection.more_apart,
            settled=redrive.selection.settled,
            left=redrive.left,
        )
