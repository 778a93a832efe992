"""Records that a consumer could not handle."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.envelope import Record
from waypost.kernel.errors import WaypostError
from waypost.kernel.ids import EventId, TenantId


class DeadLetterNotStorable(WaypostError):
    """The database cannot hold the content of a dead letter or the key that it parks. A missing
    grant, a lost connection or a changed table is another error: the content is not at fault.
    """


class DeadLetterStatus(StrEnum):
    RETRYING = "retrying"
    """Failed; the consumer retries it."""
    DEAD = "dead"
    """Failed permanently: an operator has to decide."""
    WAITING = "waiting"
    """Not attempted yet: an earlier version of its key comes first."""
    REDRIVEN = "redriven"
    """Handled by a retry or a redrive."""
    DISCARDED = "discarded"
    """Discarded by an operator; its version counts as handled when its turn comes."""
    ADOPTED = "adopted"
    """Its event replaces the one that was handled under the same version; an operator decided so.
    """
    SUPERSEDED = "superseded"
    """A rebuild has processed its record."""


OPEN = (DeadLetterStatus.RETRYING, DeadLetterStatus.DEAD, DeadLetterStatus.WAITING)
"""Statuses that are not settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A handler's error, as stored."""

    error_class: str
    error: str
    fingerprint: str
    """Equal for errors of the same code location, independent of the record."""
    retryable: bool = True
    """False if the same work would fail again: the dead letter is dead at once, unless the failure
    uses no attempts.
    """
    uses_no_attempt: bool = False
    """Whether the work needs a row from another topic, the end of an outage or a newer release: it
    is retried without a limit, with an alarm after a number of attempts.
    """
    waits_for_row: bool = field(default=False, compare=False)
    """Whether the work needs a row from another topic, which usually arrives within milliseconds.
    It is not stored: it determines the time of the next attempt.
    """
    location: str | None = None
    """File, line and function that raised the error."""
    traceback: str | None = None
    """The innermost frames outside installed packages, with source lines and without values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that was not handled, with its bytes."""

    id: UUID
    record: Record
    key: bytes | None
    """The key that is parked: the aggregate's id as text for an event with a sequence, the record's
    own key otherwise.
    """
    event_id: EventId
    tenant_id: TenantId | None = None
    type: str | None = None
    """None if the headers are not valid: such a dead letter is outside every key's order."""
    sequence: int | None = None
    status: DeadLetterStatus
    attempts: int = 0
    unfinished: int = 0
    """Attempts since the last attempt that recorded its end: each was cut off, for example by a
    crash.
    """
    redrives: int = 0
    next_attempt_at: datetime | None = None
    failure: Failure | None = None


VERSION_CONFLICT = "version-conflict"
"""The `error_class` of a second event under a version that is handled. It parks nothing and is
outside its key's order.
"""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A key of a topic whose later events wait."""

    topic: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of parked keys and open dead letters."""

    parked_keys: int
    dead_letters: Mapping[DeadLetterStatus, int]
    """Open dead letters by status."""


class DeadLetters(Protocol):
    """The dead letters of one consumer, inside one open transaction. Their keys: `ParkedKeys`."""

    async def waiting_versions(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        """The versions of these keys that dead letters hold and that are not handled yet."""
        ...

    async def insert(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Stores dead letters; one whose event this consumer has stored already changes nothing."""
        ...

    async def now(self) -> datetime:
        """The database's time when the transaction began. Times of attempts are set and compared by
        this clock alone, so that the clocks of processes need not agree.
        """
        ...

    async def tally(self) -> Tally:
        """Counts parked keys and open dead letters."""
        ...

    async def open_dead_letters(self, at_most: int) -> int:
        """The number of open dead letters, counted up to `at_most`."""
        ...

    async def failed_dead_letters(self, at_most: int) -> int:
        """The number of open dead letters that have failed or wait behind a failed one of their
        key, counted up to `at_most`.
        """
        ...

    async def first(self, parked: ParkedKey, above: int) -> DeadLetter | None:
        """The next dead letter of the key: the lowest version above the guard's, discarded ones
        included; without sequences, the oldest.
        """
        ...

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        """The dead letter, settled or not; None for another consumer's."""
        ...

    async def begin(
        self, dead_letter: DeadLetter, *, next_attempt_at: datetime, audit_context: AuditContext | None = None
    ) -> DeadLetter:
        """Counts an attempt, whose end `update` records. With an audit context it is a redrive and
        is audited.

        Without one, the status becomes `retrying`. A dead one that is redriven stays dead until it
        is handled, so that a crash of the redrive changes nothing.
        """
        ...

    async def undo_attempt(self, before: DeadLetter) -> None:
        """Undoes `begin`: restores counts and status. The audit entry stays."""
        ...

    async def update(
        self,
        dead_letter_id: UUID,
        *,
        status: DeadLetterStatus,
        attempts: int,
        next_attempt_at: datetime | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Stores the end of an attempt. Without a failure the last stored one stays."""
        ...

    async def discard(self, dead_letter: DeadLetter, audit_context: AuditContext) -> None:
        """Marks the dead letter as discarded, with an audit entry."""
        ...

    async def adopt(self, dead_letter: DeadLetter, audit_context: AuditContext) -> bool:
        """Marks the dead letter as adopted, with an audit entry. False if it is settled already."""
        ...
