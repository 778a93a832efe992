"""`waypost jobs list` and `show`"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.databases import ask_service, find_in_any, open_admin_service
from waypost.cli.output import AsJson, console, end_with, lines, moment, to_json
from waypost.cli.parsing import an_id
from waypost.cli.trace.viewer import Viewer
from waypost.hosting.service import Service
from waypost.jobs.results import Status
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.lookup import find_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.web.ops.jobs import AdminJobView

JobArgument = Annotated[
    UUID, typer.Argument(metavar="JOB_ID", parser=an_id, help="From `waypost jobs list`, or of a 202 answer.")
]
ServiceOption = Annotated[str | None, typer.Option(help="One service; all of them unless given.")]
NameOption = Annotated[str | None, typer.Option(help="Only jobs of this name.")]
TenantOption = Annotated[UUID | None, typer.Option(parser=an_id, help="Only jobs of this tenant.")]
LimitOption = Annotated[int, typer.Option(min=1, help="Of each service.")]

OfService = tuple[str, FoundJob]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    service: Service
    job: FoundJob


def list_jobs(
    service: ServiceOption = None,
    status: Annotated[list[Status] | None, typer.Option(help="May be given again.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Those that gave up: the same as --status dead.")] = False,
    name: NameOption = None,
    tenant: TenantOption = None,
    limit: LimitOption = 100,
    as_json: AsJson = False,
) -> None:
    """Jobs that wait, run or gave up, the latest first; of one tenant also those that are complete
    or cancelled.
    """
    statuses = [Status.DEAD] if dead else status or ()
    search = JobSearch(statuses=statuses, name=name, tenant_id=tenant, limit=limit)

    async def ask(asked: AdminService) -> Sequence[OfService]:
        return [(asked.name, each) for each in await find_jobs(asked.ops, search)]

    found, problems = asyncio.run(ask_service(service, ask))
    jobs = [job for each in found for job in each]
    if as_json:
        console.print(to_json([told(*each) for each in jobs]), soft_wrap=True)
    else:
        show_all(jobs)
        if not jobs and not problems:
            console.print("no jobs")
    end_with(problems)


def show(job_id: JobArgument, as_json: AsJson = False) -> None:
    """One job, done or not: its arguments, attempts, last error, result, and the trace that it came
    from.
    """
    found = asyncio.run(find(job_id))
    facts = told(found.service.name, found.job)
    if as_json:
        console.print(to_json(facts), soft_wrap=True)
        return
    page = facts["trace_id"] and Viewer.of_the_stack().page(facts["trace_id"])
    lines(f"job {facts.pop('id')}", {**facts, "trace": page})


async def find(job_id: UUID) -> Found:
    """In whichever service it is. Raises NotFound."""
    hint = "`waypost jobs list` shows which are pending"
    return await find_in_any(lambda service: _look_in(service, job_id), what=f"job {job_id} in", hint=hint)


async def _look_in(service: Service, job_id: UUID) -> Found | None:
    async with open_admin_service(service) as admin_service:
        job = await find_job(admin_service.ops, job_id)
    return Found(service=service, job=job) if job else None


def told(service: str, job: FoundJob) -> dict[str, Any]:
    """As the operator route tells of it."""
    return {"service": service, **AdminJobView.of(job).model_dump(mode="json")}


def show_all(jobs: Sequence[OfService]) -> None:
    for service, job in jobs:
        arguments = ", ".join(f"{name}={value}" for name, value in (job.arguments or {}).items())
        console.print(f"{job.id}  {job.status}  {service}.{job.name}({arguments})", soft_wrap=True)
        console.print(
            f"    {moment(job.enqueued_at)}  tenant {job.tenant_id}, {_counted(job.attempts)}", soft_wrap=True
        )
        if job.error:
            console.print(f"    {job.error}", soft_wrap=True)


def _counted(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
