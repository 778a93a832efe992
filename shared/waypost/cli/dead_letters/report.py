"""Prints the result of each key that a redrive or a discard processed."""

from collections import Counter
from collections.abc import Mapping, Sequence

from waypost.cli.output import console, readable, remark
from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.operations.dead_letters import Redrive, RedriveResult
from waypost.postgres.dead_letters.redrive_selection import SelectedDeadLetter

MEANINGS: Mapping[Outcome | None, str] = {
    None: "would be redriven",
    Outcome.HANDLED: "handled",
    Outcome.FAILED: "a dead letter failed again; later ones of the key wait",
    Outcome.UNPARKED: "nothing waits: the key is unparked",
    Outcome.LOCKED: "another process redrives this key; retry in a moment",
    Outcome.DEAD: "the next dead letter has status dead: redrive it by its id or discard it",
    Outcome.EXHAUSTED: "the next dead letter reached the redrive limit: discard it",
    Outcome.VERSION_MISSING: "an earlier version is missing; the key waits for it",
    Outcome.LATER: "the next dead letter is not due yet; the consumer retries it",
    Outcome.PREVENTED: "the next dead letter could not be attempted (dependency unavailable); not counted",
}


def print_key(result: RedriveResult) -> None:
    console.print(f"{result.consumer} {readable(result.key)}: {MEANINGS[result.outcome]}", soft_wrap=True)
    for selected in result.dead_letters:
        _print_dead_letter(selected, suffix="" if selected.matches else "  (same key, not selected)")


def print_summary(redrives: Sequence[Redrive], *, dry_run: bool) -> None:
    """Prints to standard error the totals, and the dead letters that can only be discarded."""
    results = [result for redrive in redrives for result in redrive.results]
    statuses = Counter(dead_letter.status for result in results for dead_letter in result.dead_letters)
    counts = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    unprocessable = [selected for redrive in redrives for selected in redrive.selection.unprocessable]
    if unprocessable:
        remark("these dead letters contain no event to handle and park no key; discard them:")
        for selected in unprocessable:
            remark(f"    {selected.id}  {selected.error_class}")
    if dry_run:
        remark(f"would redrive {len(results)} keys; their dead letters: {counts or 'none'}; nothing was changed")
    elif results:
        settled = sum(result.is_settled for result in results)
        remark(f"{settled} of {len(results)} keys settled; dead letters: {counts}")
        if settled < len(results):
            remark("completed redrives are committed: fix the cause, then run the same command for the rest")


def _print_dead_letter(selected: SelectedDeadLetter, *, suffix: str) -> None:
    event = f"{selected.type or 'unreadable'} version {selected.sequence or '-'}"
    console.print(f"    {selected.id}  {event}: {selected.status}{suffix}", soft_wrap=True)
    if selected.error is not None:
        console.print(f"        {selected.error_class}: {selected.error}", soft_wrap=True)
