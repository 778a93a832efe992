"""Prints the results of redrives and discards."""

from collections.abc import Mapping

from waypost.cli.output import console, readable
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.operations.dead_letters import RedriveResult
from waypost.postgres.dead_letters.redrive_selection import SelectedDeadLetter

_MEANINGS: Mapping[ParkedKeyOutcome, str] = {
    ParkedKeyOutcome.HANDLED: "handled",
    ParkedKeyOutcome.FAILED: "a dead letter failed again; later ones of the key wait",
    ParkedKeyOutcome.UNPARKED: "nothing waits: the key is unparked",
    ParkedKeyOutcome.LOCKED: "another process redrives this key; retry in a moment",
    ParkedKeyOutcome.DEAD: "the next dead letter has status dead: redrive it by its id or discard it",
    ParkedKeyOutcome.EXHAUSTED: "the next dead letter reached the redrive limit: redrive it by its id with --beyond-limit, or discard it",
    ParkedKeyOutcome.DEFERRED: "the next records of the key are on the topic; the consumer reads them",
    ParkedKeyOutcome.VERSION_MISSING: "an earlier version is missing; the key waits for it",
    ParkedKeyOutcome.NOT_DUE: "the next dead letter is not due yet; the consumer retries it",
    ParkedKeyOutcome.PREVENTED: "the next dead letter could not be attempted (dependency unavailable); not counted",
}


def print_key(result: RedriveResult, *, unchanged: str) -> None:
    """Prints `unchanged` for a key that a dry run did not process."""
    meaning = unchanged if result.outcome is None else _MEANINGS[result.outcome]
    console.print(f"{result.consumer} {readable(result.key)}: {meaning}", soft_wrap=True)
    for selected in result.dead_letters:
        _print_dead_letter(selected, suffix="" if selected.matches else "  (same key, not selected)")


def _print_dead_letter(selected: SelectedDeadLetter, *, suffix: str) -> None:
    event = f"{selected.type or 'unreadable'} version {selected.sequence or '-'}"
    console.print(f"    {selected.id}  {event}: {selected.status}{suffix}", soft_wrap=True)
    if selected.error is not None:
        console.print(f"        {selected.error_class}: {selected.error}", soft_wrap=True)
