"""`waypost dead-letters discard`"""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import operating
from waypost.cli.dead_letters.found import LetterId, find
from waypost.cli.dead_letters.reporting import tell
from waypost.cli.mandate import As, Reason
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.tracing import SEVERAL, trace_as
from waypost.kernel.mandate import Mandate
from waypost.operations import dead_letters
from waypost.operations.dead_letters import Drained
from waypost.web.ops.letter_views import KeyView


def discard(
    letter_id: LetterId,
    operator: As,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gives a letter up: its event counts as handled, though it was not. Then works off what waits behind it."""
    mandate = Mandate(operator=operator, reason=reason)
    if not yes:
        typer.confirm(f"{letter_id} will have had no effect, for good. Discard it?", abort=True, err=True)
    trace_as(SEVERAL)
    drained = asyncio.run(_discard(letter_id, mandate))
    if as_json:
        console.print(to_json(KeyView.of(drained).model_dump(mode="json")), soft_wrap=True)
    else:
        tell(drained)


async def _discard(letter_id: UUID, mandate: Mandate) -> Drained:
    service, _ = await find(letter_id)
    async with operating(service) as operated:
        return await dead_letters.discard(operated, letter_id, mandate)
