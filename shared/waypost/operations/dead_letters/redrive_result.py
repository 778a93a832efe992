"""Result of a redrive or a discard for one key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from waypost.engine.consumer.dead_letters.parked_key_processor import Attempt
from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.ports.dead_letters import DeadLetter
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.redrive_selection import SelectedDeadLetter, SelectedKey, dead_letter_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveResult:
    consumer: str
    key: bytes
    outcome: Outcome | None = None
    """Why the processing of the key stopped. None if nothing was attempted."""
    dead_letters: Sequence[SelectedDeadLetter]
    """In the order of handling."""

    @classmethod
    def before(cls, selected: SelectedKey) -> Self:
        return cls(consumer=selected.consumer, key=selected.parked.key, dead_letters=selected.dead_letters)

    @property
    def is_settled(self) -> bool:
        """True if the key needs no operator."""
        return self.outcome in (Outcome.UNPARKED, Outcome.LATER)

    async def after(self, attempts: Sequence[Attempt], database: Database) -> "RedriveResult":
        """The result after these attempts. Reads the current statuses, because another process may
        have handled some of the dead letters.
        """
        dead_letters = {selected.id: selected for selected in self.dead_letters}
        for attempt in attempts:
            if dead_letter := attempt.dead_letter:
                dead_letters[dead_letter.id] = _with_failure(
                    dead_letters.get(dead_letter.id) or selected_of(dead_letter), attempt
                )
        statuses = await dead_letter_statuses(database, dead_letters)
        return replace(
            self,
            outcome=attempts[-1].outcome if attempts else Outcome.UNPARKED,
            dead_letters=[
                replace(selected, status=statuses.get(selected.id, selected.status))
                for selected in dead_letters.values()
            ],
        )


def selected_of(dead_letter: DeadLetter, *, matches: bool = False) -> SelectedDeadLetter:
    return SelectedDeadLetter(
        id=dead_letter.id,
        type=dead_letter.type,
        sequence=dead_letter.sequence,
        status=dead_letter.status,
        error_class=dead_letter.failure.error_class if dead_letter.failure else None,
        matches=matches,
    )


def _with_failure(selected: SelectedDeadLetter, attempt: Attempt) -> SelectedDeadLetter:
    failure = attempt.failure
    return replace(selected, error_class=failure.error_class, error=failure.error) if failure else selected
