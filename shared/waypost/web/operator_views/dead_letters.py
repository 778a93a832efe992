"""Dead letters."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from waypost.operations.records import RecordView, as_dict
from waypost.ports.codec import EventCodec
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.dead_letters.search import StoredDeadLetter
from waypost.web.models import ResponseModel


class DeadLetterView(ResponseModel):
    id: UUID
    status: DeadLetterStatus
    consumer: str
    event_id: UUID
    type: str | None
    """Null if the record's headers are not readable."""
    tenant_id: UUID | None
    key: str | None
    sequence: int | None
    attempts: int
    redrives: int
    first_failed_at: datetime
    next_attempt_at: datetime | None
    content_removed_at: datetime | None
    """When retention removed the record and the error's text. Null if they are stored."""
    error_class: str | None
    error: str | None
    fingerprint: str | None
    """Equal for failures at the same line with the same error."""
    retryable: bool | None
    """Whether a retry may succeed. Null if no attempt has failed yet."""
    location: str | None
    """File, line and function that raised the error."""

    @classmethod
    def of(cls, stored: StoredDeadLetter) -> Self:
        dead_letter, failure = stored.dead_letter, stored.dead_letter.failure
        return cls(
            id=dead_letter.id,
            status=dead_letter.status,
            consumer=stored.consumer,
            event_id=dead_letter.event_id,
            type=dead_letter.type,
            tenant_id=dead_letter.tenant_id,
            key=None if dead_letter.key is None else dead_letter.key.decode(errors="backslashreplace"),
            sequence=dead_letter.sequence,
            attempts=dead_letter.attempts,
            redrives=dead_letter.redrives,
            first_failed_at=stored.first_failed_at,
            next_attempt_at=dead_letter.next_attempt_at,
            content_removed_at=stored.content_removed_at,
            error_class=failure and failure.error_class,
            error=failure and failure.error,
            fingerprint=failure and failure.fingerprint,
            retryable=failure and failure.retryable,
            location=failure and failure.location,
        )


class DeadLetterWithRecordView(DeadLetterView):
    record: dict[str, Any]
    """Headers and decoded body of the record."""
    traceback: str | None
    """The last frames of the error outside installed packages, with their source lines."""

    @classmethod
    def with_record(cls, stored: StoredDeadLetter, codec: EventCodec, *, personal: bool = False) -> Self:
        record = as_dict(RecordView.of(stored.dead_letter.record), codec, personal=personal)
        failure = stored.dead_letter.failure
        traceback = failure.traceback if failure else None
        return cls(**DeadLetterView.of(stored).model_dump(), record=record, traceback=traceback)
