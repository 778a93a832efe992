"""Reports: asked for here, made by a job, read from its result."""

import csv
import io
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
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

router = APIRouter(prefix="/reports", tags=["reports"])

CSV = "text/csv; header=present"  # RFC 4180; the charset is added
COLUMNS = [column.name for column in fields(ReportLine)]


@router.post("", status_code=202, response_model=ReportAccepted)
async def request_report(body: NewReport, caller: Caller, context: Context, execute: Executor) -> Response:
    """Invoices by the month in which they were finalized (UTC), their currency and their status, at
    most 24 months at a time.

    `Location` is the job, whose `result` holds the report once its `status` is `complete`: `{kind,
    format, from, to, download, lines}` with lines of `{month, currency, status, invoices,
    invoiced_minor, paid_minor, refunded_minor}`. Amounts are minor units of the line's currency;
    `to` is the first moment that is not in it. For `csv`, `download` is where the lines are as a
    file. Kept for 30 days. Admins ask about the whole tenant, members about their own invoices.
    """
    command = RequestReport(
        kind=body.kind,
        format=body.format,
        period=Period.reportable(body.since, body.until),
        asked_by=caller.user_id,
        customer_id=caller.confined_to,
    )
    return await execute(command, _accepted)


@router.get("/{report_id}.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def download_report(report_id: UUID, caller: Caller, context: Context) -> Response:
    """The lines of a report that is complete, with a header line (RFC 4180). `report_id` is the
    job's id; 409 until it is complete.
    """
    async with context.bus.units.begin() as uow:
        job = await job_status(uow.rows, JobId(report_id))
    if job is None or job.name != "generate_report" or not caller.may_see(job.owner_id):
        raise NotFound(f"there is no report {report_id}")
    if job.status != "complete":
        raise ReportUnfinished(
            f"the report is {job.status}: GET /jobs/{report_id} tells how far it is, or why it ended"
        )
    name = f"{job.result['kind']}-{report_id}.csv"
    return Response(_csv(job.result), media_type=CSV, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _accepted(job_id: JobId) -> Response:
    return shown(ReportAccepted(job_id=job_id), status=202, location=f"/jobs/{job_id}")


def _csv(report: Mapping[str, Any]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    table.writerows(report["lines"])
    return text.getvalue()
