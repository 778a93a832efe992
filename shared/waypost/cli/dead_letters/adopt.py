"""`waypost dead-letters adopt`"""

import asyncio

from waypost.cli.databases import ALL_SERVICES, open_admin_service, trace_as
from waypost.cli.dead_letters.options import DeadLetterId, find
from waypost.cli.options import As, Reason
from waypost.cli.output import AsJson, present
from waypost.cli.services import service_named
from waypost.kernel.audit_context import AuditContext
from waypost.operations.dead_letters import Adopted
from waypost.operations.dead_letters import adopt as adopt_one
from waypost.web.operator_views.redrives import AdoptedView


def adopt(dead_letter_id: DeadLetterId, operator: As, reason: Reason, as_json: AsJson = False) -> None:
    """Replaces the event that was handled under the version of a version conflict by the event of
    the dead letter.

    A reactor handles the event now; the effects of the replaced one stay. An async projection needs
    a rebuild, which skips the replaced event.
    """
    audit_context = AuditContext(operator=operator, reason=reason)
    trace_as(ALL_SERVICES)

    async def adopted() -> Adopted:
        service = service_named((await find(dead_letter_id))[0])
        async with open_admin_service(service) as admin_service:
            return await adopt_one(admin_service, dead_letter_id, audit_context)

    done = asyncio.run(adopted())
    text = f"{done.consumer} has handled the event"
    if done.needs_rebuild:
        text = f"the rows of {done.consumer} contain the replaced event until `waypost projections rebuild {done.consumer}`"
    present(AdoptedView.model_validate(done).model_dump(mode="json"), text, as_json=as_json)
