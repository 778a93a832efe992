"""Reports: a job computes each one."""

from services.billing.commands import RequestReport
from waypost.kernel.ids import JobId
from waypost.ports.unit_of_work import UnitOfWork


async def request_report(command: RequestReport, uow: UnitOfWork) -> JobId:
    """Enqueues the job of the report, for the user who asked for it. Returns its id."""
    return await uow.jobs.enqueue(
        "generate_report",
        owner_id=command.asked_by,
        kind=command.kind,
        format=command.format,
        since=command.period.since,
        until=command.period.until,
        customer_id=command.customer_id,
    )
