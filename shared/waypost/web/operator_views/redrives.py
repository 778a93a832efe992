"""Results of redrives and discards."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.operations.dead_letters import Discard, Redrive, RedriveResult
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.web.models import ResponseModel


class EntryView(ResponseModel):
    id: UUID
    type: str | None
    sequence: int | None
    status: DeadLetterStatus
    error_class: str | None
    error: str | None
    """Error of a redrive that failed."""
    matches: bool
    """True if the dead letter matches the request. False if it only shares the key of one that
    does.
    """


class KeyView(ResponseModel):
    """A key with its dead letters, in the order of handling."""

    consumer: str
    key: str
    outcome: ParkedKeyOutcome | None
    """Why the processing of the key stopped. Null if nothing was attempted."""
    dead_letters: Sequence[EntryView]

    @classmethod
    def of(cls, result: RedriveResult) -> Self:
        dead_letters = [EntryView.model_validate(entry) for entry in result.dead_letters]
        key = result.key.decode(errors="backslashreplace")
        return cls(consumer=result.consumer, key=key, outcome=result.outcome, dead_letters=dead_letters)


class RedriveView(ResponseModel):
    service: str
    keys: Sequence[KeyView]
    unprocessable: Sequence[EntryView]
    """Matching dead letters that contain no event to handle. They can only be discarded."""
    unprocessable_left: int
    """Number of further ones beyond the limit `keys`."""
    settled: int
    """Number of matching dead letters that were settled before."""
    left: int
    """Number of matching keys that this request did not process. Repeat the request to process
    them.
    """

    @classmethod
    def of(cls, redrive: Redrive) -> Self:
        return cls(
            service=redrive.service,
            keys=[KeyView.of(result) for result in redrive.results],
            unprocessable=[EntryView.model_validate(entry) for entry in redrive.selection.unprocessable],
            unprocessable_left=redrive.selection.more_unprocessable,
            settled=redrive.selection.settled,
            left=redrive.left,
        )


class AdoptedView(ResponseModel):
    id: UUID
    consumer: str
    needs_rebuild: bool
    """True for an async projection, whose rows contain the replaced event until they are rebuilt.
    """


class DiscardView(ResponseModel):
    service: str
    dead_letters: Sequence[KeyView]
    """One entry per matching dead letter: it and the dead letters of its key that were handled
    after it.
    """
    left: int
    """Number of matching dead letters that this request did not process. Repeat the request to
    process them.
    """

    @classmethod
    def of(cls, discard: Discard) -> Self:
        return cls(
            service=discard.service,
            dead_letters=[KeyView.of(result) for result in discard.results],
            left=discard.left,
        )
