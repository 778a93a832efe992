"""Reports: requested here, produced by a job, read from the job's result."""

from dataclasses import fields
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.billing.api.context import Context
from services.billing.api.models import NewReport, ReportAccepted
from services.billing.commands import RequestReport
from services.billing.domain import Period
from services.billing.domain.errors import ReportUnfinished
from services.billing.queries import ReportLine
from waypost.jobs.results import job_status
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import JobId
from waypost.web.auth import Caller
from waypost.web.idempotency import Executor
from waypost.web.responses import shown
from waypost.web.spreadsheets import MEDIA_TYPE, csv_document

router = APIRouter(prefix="/reports", tags=["reports"])

COLUMNS = [column.name for column in fields(ReportLine)]
_LINES = f"{','.join(COLUMNS)}\r\n"
_BEFORE_TAX = {"tax_minor": 0, "refunded_tax_minor": 0}
"""For a report that was made before invoices had tax."""


@router.post("", status_code=202, response_model=ReportAccepted)
async def request_report(body: NewReport, caller: Caller, context: Context, execute: Executor) -> Response:
    """Requests a report of invoices by month of finalization (UTC), currency and status, for up to
    24 months.

    `Location` is the job, whose `result` holds the report when its `status` is `complete`: `{kind,
    format, from, to, download, lines}` with lines of `{month, currency, status, invoices,
    invoiced_minor, paid_minor, refunded_minor, tax_minor, refunded_tax_minor}`. Amounts are minor
    units of the line's currency and contain tax; `tax_minor` is the tax in `invoiced_minor`,
    `refunded_tax_minor` that in `refunded_minor`; `to` is exclusive. For `csv`, `download` is the
    path of the file. Results are kept for 30 days. Admins get the whole tenant's invoices, members
    their own.
    """
    command = RequestReport(
        kind=body.kind,
        format=body.format,
        period=Period.reportable(body.since, body.until),
        asked_by=caller.user_id,
        customer_id=caller.confined_to,
    )
    return await execute(command, _accepted)


@router.get(
    "/{report_id}.csv", response_class=Response, responses={200: {"content": {"text/csv": {"example": _LINES}}}}
)
async def download_report(report_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns the lines of a complete report with a header line (RFC 4180). `report_id` is the
    job's id; the response is 409 until the report is complete.
    """
    async with context.bus.units.begin() as uow:
        job = await job_status(uow.rows, JobId(report_id))
    if job is None or job.name != "generate_report" or not caller.may_see(job.owner_id):
        raise NotFound(f"there is no report {report_id}")
    if job.status != "complete":
        raise ReportUnfinished(f"the report is {job.status}: GET /jobs/{report_id} shows its progress, or why it ended")
    name = f"{job.result['kind']}-{report_id}.csv"
    return Response(
        csv_document(COLUMNS, [_BEFORE_TAX | line for line in job.result["lines"]]),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _accepted(job_id: JobId) -> Response:
    return shown(ReportAccepted(job_id=job_id), status=202, location=f"/jobs/{job_id}")
