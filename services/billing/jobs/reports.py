"""Reports, one transaction per month, so that no transaction stays open for long and the job can
report progress.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from services.billing import queries
from services.billing.domain import Period
from services.billing.domain.errors import ReportTooLong
from services.billing.ports import Resources
from waypost.engine.failpoints import failpoint
from waypost.jobs.context import JobContext

AFTER_A_MONTH = failpoint("billing.after_a_month")

MAX_LINES = 2_000
"""About 250 KiB: more than 20 currencies, each with every status in every month."""


async def generate_report(
    job: JobContext[Resources],
    kind: str,
    format: str,  # noqa: A002 - the request's own name
    since: datetime,
    until: datetime,
    customer_id: UUID | None,
) -> Mapping[str, Any]:
    """The lines of a report. Only reads, so a retry starts from the beginning. Raises
    ReportTooLong.
    """
    months = list(Period(since=since, until=until).months())
    lines: list[Mapping[str, Any]] = []
    for number, month in enumerate(months, start=1):
        async with job.begin() as uow:
            lines += map(asdict, await queries.report_lines(uow.rows, month, customer_id=customer_id))
        if len(lines) > MAX_LINES:
            raise ReportTooLong
        await job.progress(100 * number // len(months))
        AFTER_A_MONTH.hit()
    download = f"/reports/{job.id}.csv" if format == "csv" else None
    return {"kind": kind, "format": format, "from": since, "to": until, "download": download, "lines": lines}
