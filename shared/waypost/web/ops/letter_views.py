"""Letters as an operator is shown them, by the routes and by the command's `--json`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from waypost.engine.consumer.turns import Outcome
from waypost.operations.dead_letters import Drained, Redrive
from waypost.operations.records import Seen, told
from waypost.ports.codec import EventCodec
from waypost.ports.dead_letters import Status
from waypost.postgres.dead_letters.search import KeptLetter
from waypost.web.models import ResponseModel


class LetterView(ResponseModel):
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

    @classmethod
    def of(cls, kept: KeptLetter) -> Self:
        letter, failure = kept.letter, kept.letter.failure
        return cls(
            id=letter.id,
            status=letter.status,
            consumer=kept.consumer,
            event_id=letter.event_id,
            type=letter.type,
            tenant_id=letter.tenant_id,
            key=None if letter.key is None else letter.key.decode(errors="backslashreplace"),
            sequence=letter.sequence,
            attempts=letter.attempts,
            redrives=letter.redrives,
            first_failed_at=kept.first_failed_at,
            next_attempt_at=letter.next_attempt_at,
            error_class=failure and failure.error_class,
            error=failure and failure.error,
            fingerprint=failure and failure.fingerprint,
        )


class RecordedLetterView(LetterView):
    record: dict[str, Any]
    """As it came, with the decoded body."""

    @classmethod
    def with_record(cls, kept: KeptLetter, codec: EventCodec, *, personal: bool = False) -> Self:
        record = told(Seen.of(kept.letter.record), codec, personal=personal)
        return cls(**LetterView.of(kept).model_dump(), record=record)


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
    letters: Sequence[EntryView]

    @classmethod
    def of(cls, drained: Drained) -> Self:
        letters = [EntryView.model_validate(each) for each in drained.letters]
        key = drained.key.decode(errors="backslashreplace")
        return cls(consumer=drained.consumer, key=key, outcome=drained.outcome, letters=letters)


class RedriveView(ResponseModel):
    service: str
    keys: Sequence[KeyView]
    apart: Sequence[EntryView]
    """Letters that match, and hold nothing that could be handled: they can only be discarded."""
    apart_left: int
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
            apart=[EntryView.model_validate(each) for each in redrive.selection.apart],
            apart_left=redrive.selection.more_apart,
            settled=redrive.selection.settled,
            left=redrive.left,
        )
