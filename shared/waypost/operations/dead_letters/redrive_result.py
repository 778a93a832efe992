"""What an operator's act makes of a key and its letters."""

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
    """Why it went no further; None where nothing was tried."""
    dead_letters: Sequence[Entry]
    """In the order in which they are handled."""

    @classmethod
    def before(cls, line: Line) -> Self:
        return cls(consumer=line.consumer, key=line.parked.key, dead_letters=line.entries)

    @property
    def flows(self) -> bool:
        """Whether nothing is left for an operator to do."""
        return self.outcome in (Outcome.UNPARKED, Outcome.LATER)

    async def after(self, attempts: Sequence[Attempt], database: Database) -> "RedriveResult":
        """Reads what has become of each letter: whoever else is at work may have handled some of
        them.
        """
        dead_letters = {each.id: each for each in self.dead_letters}
        for attempt in attempts:
            if dead_letter := attempt.dead_letter:
                dead_letters[dead_letter.id] = _tried(
                    dead_letters.get(dead_letter.id) or entry_of(dead_letter), attempt
                )
        statuses = await dead_letter_statuses(database, dead_letters)
        return replace(
            self,
            outcome=attempts[-1].outcome if attempts else Outcome.UNPARKED,
            dead_letters=[replace(each, status=statuses.get(each.id, each.status)) for each in dead_letters.values()],
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


def _tried(entry: Entry, attempt: Attempt) -> Entry:
    failure = attempt.failure
    return replace(entry, error_class=failure.error_class, error=failure.error) if failure else entry
