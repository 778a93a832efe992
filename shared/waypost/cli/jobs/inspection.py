"""`waypost jobs list` and `show`"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.answers import find_in_any
from waypost.cli.output import AsJson, console, lines, moment, present, to_json
from waypost.cli.parsers import parse_id
from waypost.cli.reads import read_each, reading
from waypost.cli.trace.page import page_of, viewer_url
from waypost.jobs.status import Status
from waypost.operations.jobs.lookup import find_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.postgres.reads import Reads
from waypost.web.operator_views.jobs import AdminJobView

JobArgument = Annotated[
    UUID, typer.Argument(metavar="JOB_ID", parser=parse_id, help="Id from `waypost jobs list` or from a 202 response.")
]
ServiceOption = Annotated[str | None, typer.Option(help="One service. Default: all services.")]
NameOption = Annotated[str | None, typer.Option(help="Only jobs with this name.")]
TenantOption = Annotated[UUID | None, typer.Option(parser=parse_id, help="Only jobs of this tenant.")]
LimitOption = Annotated[int, typer.Option(min=1, help="Maximum number per service.")]

ServiceJob = tuple[str, FoundJob]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedJob:
    service: str
    job: FoundJob


def list_jobs(
    service: ServiceOption = None,
    status: Annotated[list[Status] | None, typer.Option(help="Repeatable. Default: every pending status.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Dead jobs only, the same as --status dead.")] = False,
    name: NameOption = None,
    tenant: TenantOption = None,
    limit: LimitOption = 100,
    as_json: AsJson = False,
) -> None:
    """Lists queued, running and dead jobs, the latest first. With --tenant, also completed and
    cancelled ones.
    """
    statuses = [Status.DEAD] if dead else status or ()
    search = JobSearch(statuses=statuses, name=name, tenant_id=tenant, limit=limit)

    async def ask(asked: str, reads: Reads) -> Sequence[ServiceJob]:
        return [(asked, job) for job in await find_jobs(reads, search)]

    results, problems = asyncio.run(read_each(service, ask))
    jobs = [job for result in results for job in result]

    def text() -> None:
        show_all(jobs)
        if not jobs and not problems:
            console.print("no jobs")

    present([as_dict(name, job) for name, job in jobs], text, as_json=as_json, problems=problems)


def show(job_id: JobArgument, as_json: AsJson = False) -> None:
    """Shows one pending or finished job: arguments, attempts, outages, last error, result and
    trace.
    """
    found = asyncio.run(find(job_id))
    facts = as_dict(found.service, found.job)
    if as_json:
        console.print(to_json(facts), soft_wrap=True)
        return
    page = facts["trace_id"] and page_of(viewer_url(), facts["trace_id"])
    lines(f"job {facts.pop('id')}", {**facts, "trace": page})


async def find(job_id: UUID) -> LocatedJob:
    """The job and its service. Raises NotFound."""
    hint = "`waypost jobs list` shows the pending ones"
    return await find_in_any(lambda service: _find_in(service, job_id), what=f"job {job_id} in", hint=hint)


async def _find_in(service: str, job_id: UUID) -> LocatedJob | None:
    async with reading(service) as reads:
        job = await find_job(reads, job_id)
    return LocatedJob(service=service, job=job) if job else None


def as_dict(service: str, job: FoundJob) -> dict[str, Any]:
    """The job as the operator API represents it."""
    return {"service": service, **AdminJobView.of(job).model_dump(mode="json")}


def show_all(jobs: Sequence[ServiceJob]) -> None:
    for service, job in jobs:
        arguments = ", ".join(f"{name}={value}" for name, value in (job.arguments or {}).items())
        console.print(f"{job.id}  {job.status}  {service}.{job.name}({arguments})", soft_wrap=True)
        console.print(f"    {moment(job.enqueued_at)}  tenant {job.tenant_id}, {_executions(job)}", soft_wrap=True)
        if job.error:
            console.print(f"    {job.error}", soft_wrap=True)


def _executions(job: FoundJob) -> str:
    """Outages are listed apart from the attempts: only these count against the job's limit."""
    attempts = _counted(job.attempts, "attempt")
    return f"{attempts}, {_counted(job.outages, 'outage')}" if job.outages else attempts


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"
