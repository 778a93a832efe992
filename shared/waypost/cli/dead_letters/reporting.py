"""What has become of keys and their letters, told as it happens."""

from collections import Counter
from collections.abc import Mapping, Sequence

from waypost.cli.output import console, readable, remark
from waypost.engine.consumer.dead_letters.parked_key_queue import Outcome
from waypost.operations.dead_letters import Redrive, RedriveResult
from waypost.postgres.dead_letters.redrive_selection import Entry

MEANINGS: Mapping[Outcome | None, str] = {
    None: "would be worked off",
    Outcome.HANDLED: "handled",
    Outcome.FAILED: "a letter failed again; what is behind it waits",
    Outcome.UNPARKED: "nothing waits any more: the key flows",
    Outcome.BUSY: "somebody else works this key off; look again in a moment",
    Outcome.DEAD: "the next letter is dead: redrive it or discard it",
    Outcome.EXHAUSTED: "the next letter was redriven as often as may be: it stays dead; discard it",
    Outcome.GAP: "a version is missing before the next letter; it is waited for",
    Outcome.LATER: "the next letter is not due yet; it is tried by itself",
    Outcome.PREVENTED: "what the next letter needs was not to be had; that counts as no try",
}


def tell(drained: RedriveResult) -> None:
    console.print(f"{drained.consumer} {readable(drained.key)}: {MEANINGS[drained.outcome]}", soft_wrap=True)
    for each in drained.dead_letters:
        _tell_entry(each, beside="" if each.matches else "  (stands in the same line)")


def sum_up(redrives: Sequence[Redrive], *, dry_run: bool) -> None:
    """To standard error, with what was found and can only be given up."""
    drained = [each for redrive in redrives for each in redrive.drained]
    dead_letters = Counter(dead_letter.status for each in drained for dead_letter in each.dead_letters)
    told = ", ".join(f"{number} {status}" for status, number in sorted(dead_letters.items()))
    unprocessable = [each for redrive in redrives for each in redrive.selection.unprocessable]
    if unprocessable:
        remark("these hold no event that could be handled, and no key waits for them; discard them:")
        for each in unprocessable:
            remark(f"    {each.id}  {each.error_class}")
    if dry_run:
        remark(f"would work off {len(drained)} keys; their letters: {told or 'none'}; nothing was changed")
    elif drained:
        flowing = sum(each.flows for each in drained)
        remark(f"{flowing} of {len(drained)} keys flow; letters: {told}")
        if flowing < len(drained):
            remark("what was done stays done: mend the cause and run the same again for the rest")


def _tell_entry(entry: Entry, *, beside: str = "") -> None:
    what = f"{entry.type or 'unreadable'} version {entry.sequence or '-'}"
    console.print(f"    {entry.id}  {what}: {entry.status}{beside}", soft_wrap=True)
    if entry.error is not None:
        console.print(f"        {entry.error_class}: {entry.error}", soft_wrap=True)
