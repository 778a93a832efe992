"""What an operator's act makes of a key and its letters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from waypost.engine.consumer.drain import Attempt
from waypost.engine.consumer.turns import Outcome
from waypost.ports.dead_letters import Letter
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.redrive_selection import Entry, Line, letter_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    consumer: str
    key: bytes
    outcome: Outcome | None = None
    """Why it went no further; None where nothing was tried."""
    letters: Sequence[Entry]
    """In the order in which they are handled."""

    @classmethod
    def before(cls, line: Line) -> Self:
        return cls(consumer=line.consumer, key=line.parked.key, letters=line.entries)

    @property
    def flows(self) -> bool:
        """Whether nothing is left for an operator to do."""
        return self.outcome in (Outcome.UNPARKED, Outcome.LATER)

    async def after(self, attempts: Sequence[Attempt], database: Database) -> "Drained":
        """Reads what has become of each letter: whoever else is at work may have handled some of them."""
        letters = {each.id: each for each in self.letters}
        for attempt in attempts:
            if letter := attempt.letter:
                letters[letter.id] = _tried(letters.get(letter.id) or entry_of(letter), attempt)
        statuses = await letter_statuses(database, letters)
        return replace(
            self,
            outcome=attempts[-1].outcome if attempts else Outcome.UNPARKED,
            letters=[replace(each, status=statuses.get(each.id, each.status)) for each in letters.values()],
        )


def entry_of(letter: Letter, *, matches: bool = False) -> Entry:
    return Entry(
        id=letter.id,
        type=letter.type,
        sequence=letter.sequence,
        status=letter.status,
        error_class=letter.failure.error_class if letter.failure else None,
        matches=matches,
    )


def _tried(entry: Entry, attempt: Attempt) -> Entry:
    failure = attempt.failure
    return replace(entry, error_class=failure.error_class, error=failure.error) if failure else entry
