"""`waypost dead-letters discard`"""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import open_admin_service
from waypost.cli.dead_letters.found import DeadLetterId, find
from waypost.cli.dead_letters.reporting import tell
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.tracing import SEVERAL, trace_as
from waypost.kernel.audit_context import AuditContext
from waypost.operations import dead_letters
from waypost.operations.dead_letters import RedriveResult
from waypost.web.ops.dead_letter_views import KeyView


def discard(
    dead_letter_id: DeadLetterId,
    operator: As,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Gives a letter up: its event counts as handled, though it was not. Then works off what waits
    behind it.
    """
    audit_context = AuditContext(operator=operator, reason=reason)
    if not yes:
        typer.confirm(f"{dead_letter_id} will have had no effect, for good. Discard it?", abort=True, err=True)
    trace_as(SEVERAL)
    drained = asyncio.run(_discard(dead_letter_id, audit_context))
    if as_json:
        console.print(to_json(KeyView.of(drained).model_dump(mode="json")), soft_wrap=True)
    else:
        tell(drained)


async def _discard(dead_letter_id: UUID, audit_context: AuditContext) -> RedriveResult:
    service, _ = await find(dead_letter_id)
    async with open_admin_service(service) as admin_service:
        return await dead_letters.discard(admin_service, dead_letter_id, audit_context)
