"""Lifts a suppression for an operator: `waypost jobs run lift_suppression`, which is audited."""

from uuid import UUID

from services.notifications.commands import LiftSuppression
from services.notifications.handlers import suppressions
from services.notifications.ports import MailResources
from waypost.jobs.context import JobContext


async def lift_suppression(job: JobContext[MailResources], suppression_id: UUID) -> None:
    """Permits mails to the address again. The log event `address_suppressed` names the id. Raises
    NotFound.
    """
    async with job.begin() as uow:
        await suppressions.lift_suppression(LiftSuppression(suppression_id=suppression_id), uow)
