"""Result of a redrive or a discard for one key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from waypost.engine.consumer.dead_letters.parked_key_processor import Attempt
from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.ports.dead_letters import DeadLetter
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.redrive_selection import Entry, Line, dead_letter_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveResult:
    consumer: str
    key: bytes
    outcome: Outcome | None = None
    """Why the processing of the key stopped. None if nothing was attempted."""
    dead_letters: Sequence[Entry]
    """In the order of handling."""

    @classmethod
    def before(cls, line: Line) -> Self:
        return cls(consumer=line.consumer, key=line.parked.key, dead_letters=line.entries)

    @property
    def is_settled(self) -> bool:
        """True if the key needs no operator."""
        return self.outcome in (Outcome.UNPARKED, Outcome.LATER)

    async def after(self, attempts: Sequence[Attempt], database: Database) -> "RedriveResult":
        """The result after these attempts. Reads the current statuses, because another process may
        have handled some of the dead letters.
        """
        dead_letters = {entry.id: entry for entry in self.dead_letters}
        for attempt in attempts:
            if dead_letter := attempt.dead_letter:
                dead_letters[dead_letter.id] = _with_failure(
                    dead_letters.get(dead_letter.id) or entry_of(dead_letter), attempt
                )
        statuses = await dead_letter_statuses(database, dead_letters)
        return replace(
            self,
            outcome=attempts[-1].outcome if attempts else Outcome.UNPARKED,
            dead_letters=[
                replace(entry, status=statuses.get(entry.id, entry.status)) for entry in dead_letters.values()
            ],
        )


def entry_of(dead_letter: DeadLetter, *, matches: bool = False) -> Entry:
    return Entry(
        id=dead_letter.id,
        type=dead_letter.type,
        sequence=dead_letter.sequence,
        status=dead_letter.status,
        error_class=dead_letter.failure.error_class if dead_letter.failure else None,
        matches=matches,
    )


def _with_failure(entry: Entry, attempt: Attempt) -> Entry:
    failure = attempt.failure
    return replace(entry, error_class=failure.error_class, error=failure.error) if failure else entry
