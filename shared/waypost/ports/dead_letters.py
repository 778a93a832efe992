"""What a consumer could not handle, and the keys that wait behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.envelope import Record
from waypost.kernel.ids import EventId, TenantId


class Status(StrEnum):
    RETRYING = "retrying"
    """Failed, and will be tried again by itself."""
    DEAD = "dead"
    """Failed for good: somebody has to look."""
    WAITING = "waiting"
    """Not tried yet: an earlier version of its key has to go first."""
    REDRIVEN = "redriven"
    """Handled at last."""
    DISCARDED = "discarded"
    """Given up by somebody; its version counts as handled once it is its turn."""
    SUPERSEDED = "superseded"
    """A rebuild has read its record again."""


OPEN = (Status.RETRYING, Status.DEAD, Status.WAITING)
"""What is not settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, as it is kept."""

    error_class: str
    error: str
    fingerprint: str
    """The same for the same fault of the code, whatever the record."""
    retryable: bool = True
    """False where the same work would fail again: the dead letter is dead at once."""
    awaits_topic: bool = False
    """Whether another topic has yet to bring a row: it is retried without end, and alarms when it
    takes long.
    """
    location: str | None = None
    """File, line and function that raised it."""
    traceback: str | None = None
    """The last frames outside installed packages, with their source lines and no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record set aside with its bytes."""

    id: UUID
    record: Record
    key: bytes | None
    """What parks: the aggregate's id as text for an event with a sequence, the record's own key
    otherwise.
    """
    event_id: EventId
    tenant_id: TenantId | None = None
    type: str | None = None
    """None where the headers could not be read: such a letter stands in no line."""
    sequence: int | None = None
    status: Status
    attempts: int = 0
    unfinished: int = 0
    """Attempts begun since the end of one was last noted: whatever tried it was ended by something.
    """
    redrives: int = 0
    next_attempt_at: datetime | None = None
    failure: Failure | None = None


VERSION_CONFLICT = "version-conflict"
"""The `error_class` of a letter that holds a second event under a version handled already: it parks
nothing and stands in no line.
"""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    topic: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much waits."""

    parked_keys: int
    dead_letters: Mapping[Status, int]
    """Of those that are not settled."""


class DeadLetters(Protocol):
    """One consumer's, inside one open transaction."""

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        """Those of the keys that are parked; they stay so until the transaction ends (a drain of
        them waits, or is waited for).
        """
        ...

    async def held(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        """The versions that letters of these keys hold and that are not handled yet."""
        ...

    async def park(self, topic: str, keys: Iterable[bytes]) -> None:
        """From now on what comes of these keys waits in line; a key that is parked already stays
        so.
        """
        ...

    async def keep(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Stores them; one whose event this consumer has kept already changes nothing."""
        ...

    async def due(self, now: datetime, limit: int) -> Sequence[ParkedKey]:
        """Parked keys whose first letter may be tried, or that wait for nothing any more; the
        longest due first.
        """
        ...

    async def tally(self) -> Tally:
        """Counts all of it."""
        ...

    async def open_dead_letters(self, at_most: int) -> int:
        """How many are not settled; counts no further than `at_most`."""
        ...

    async def failed_dead_letters(self, at_most: int) -> int:
        """How many of these have failed, or wait behind one of their key that has; counts no
        further than `at_most`.
        """
        ...

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        """Takes the key for this transaction alone; False where it is not parked, or somebody else
        has it. Taken before anything else.

        With `wait`, whoever has it is waited for.
        """
        ...

    async def first(self, parked: ParkedKey, above: int) -> DeadLetter | None:
        """The letter whose turn it is: the lowest version above the guard's, discarded ones
        included; without sequences, the oldest.
        """
        ...

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        """Settled or not; None for another consumer's."""
        ...

    async def begin(
        self, dead_letter: DeadLetter, *, next_attempt_at: datetime, audit_context: AuditContext | None = None
    ) -> DeadLetter:
        """Counts one more attempt, whose end is noted by `update`. With a mandate it is a redrive,
        and stands in the audit.

        Without one the letter is `retrying` from now on. A dead one that is redriven stays dead
        until it is handled: should the redrive die, nothing has changed.
        """
        ...

    async def take_back(self, before: DeadLetter) -> None:
        """Undoes `begin`: the letter counts and waits as it did before. What stands in the audit
        stays there.
        """
        ...

    async def update(
        self,
        dead_letter_id: UUID,
        *,
        status: Status,
        attempts: int,
        next_attempt_at: datetime | None = None,
        failure: Failure | None = None,
    ) -> None:
        """Without a failure the last one stays on record."""
        ...

    async def discard(self, dead_letter: DeadLetter, audit_context: AuditContext) -> None:
        """Gives it up; stands in the audit."""
        ...

    async def unpark(self, parked: ParkedKey) -> None:
        """Lets the key flow again. The lock on it must be held."""
        ...
