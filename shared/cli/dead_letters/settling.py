"""`waypost dead-letters redrive` and `discard`"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from shared.cli.dead_letters.found import FoundLetter, find
from shared.cli.output import AsJson, console, remark, to_json
from shared.cli.services import setting_of
from shared.engine.consumer.drain import Attempt
from shared.engine.consumer.turns import Outcome
from shared.hosting.letters import opened_retries
from shared.kernel.errors import Conflict
from shared.ports.dead_letters import OPEN, VERSION_CONFLICT, Failure, ParkedKey

LetterId = Annotated[UUID, typer.Argument(help="From `waypost dead-letters list`.")]

MEANINGS = {
    Outcome.HANDLED: "handled",
    Outcome.FAILED: "failed again",
    Outcome.UNPARKED: "nothing waits any more: the key flows",
    Outcome.BUSY: "somebody else works this key off; look again in a moment",
    Outcome.DEAD: "its first letter is dead: redrive it, up to five times, or discard it",
    Outcome.GAP: "a version is missing before the next letter; it is waited for",
    Outcome.LATER: "the next letter is not due yet; it is tried by itself",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    attempts: Sequence[Attempt]
    failure: Failure | None = None
    """Of the last letter tried, where it failed."""

    @property
    def flows(self) -> bool:
        """Whether nothing is left for an operator to do."""
        return not self.attempts or self.attempts[-1].outcome in (Outcome.UNPARKED, Outcome.LATER)


def redrive(letter_id: LetterId, as_json: AsJson = False) -> None:
    """Tries the letter's key again, from its lowest version on, until one fails or none is left. Exits with 1 if one does."""
    settled = asyncio.run(_found_and(letter_id, redriven))
    _report(settled, as_json)
    raise typer.Exit(0 if settled.flows else 1)


def discard(
    letter_id: LetterId,
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gives a letter up: its event counts as handled, though it was not. Then works off what waits behind it."""
    if not yes:
        typer.confirm(f"{letter_id} will have had no effect, for good. Discard it?", abort=True, err=True)
    settled = asyncio.run(_found_and(letter_id, discarded))
    if not as_json:
        console.print(f"{letter_id} discarded")
    _report(settled, as_json)


async def redriven(found: FoundLetter) -> Settled:
    """Raises Conflict for a letter that is settled or stands in no line, NotFound where its consumer is gone."""
    letter = found.kept.letter
    if letter.status not in OPEN:
        raise Conflict(f"letter {letter.id} is {letter.status} already")
    if letter.type is None or (letter.failure and letter.failure.error_class == VERSION_CONFLICT):
        raise Conflict(f"letter {letter.id} holds no event that could be handled; nothing waits for it: discard it")
    async with opened_retries(found.service, found.consumer, dsn=_dsn(found)) as retries:
        attempts = await retries.work_off(ParkedKey(letter.record.topic, letter.key or b""), redrive=True)
        last = attempts[-1]
        now = await retries.find(last.letter.id) if last.outcome is Outcome.FAILED and last.letter else None
    return Settled(attempts=attempts, failure=now.failure if now else None)


async def discarded(found: FoundLetter) -> Settled:
    """Raises Conflict for a letter that is settled, Transient while somebody else works its key off."""
    async with opened_retries(found.service, found.consumer, dsn=_dsn(found)) as retries:
        return Settled(attempts=await retries.discard(found.kept.letter.id))


async def _found_and(letter_id: UUID, settle: Callable[[FoundLetter], Awaitable[Settled]]) -> Settled:
    return await settle(await find(letter_id))


def _dsn(found: FoundLetter) -> str:
    return setting_of(found.service.name, "WAYPOST_APP_DSN")


def _report(settled: Settled, as_json: bool) -> None:
    if as_json:
        console.print(to_json([_told(each) for each in settled.attempts]), soft_wrap=True)
    for each in settled.attempts if not as_json else ():
        letter = f"{each.letter.id} version {each.letter.sequence or '-'}: " if each.letter else ""
        console.print(f"{letter}{MEANINGS[each.outcome]}", soft_wrap=True)
    if settled.failure:
        remark(f"{settled.failure.error_class}: {settled.failure.error}")


def _told(attempt: Attempt) -> dict[str, Any]:
    letter = attempt.letter
    return {"outcome": attempt.outcome, "letter": letter and letter.id, "sequence": letter and letter.sequence}
