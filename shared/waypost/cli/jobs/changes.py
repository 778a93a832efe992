"""`waypost jobs retry`, `cancel` and `run`"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import ask_service, open_admin_service
from waypost.cli.jobs.inspection import (
    JobArgument,
    LimitOption,
    NameOption,
    ServiceJob,
    ServiceOption,
    TenantOption,
    as_dict,
    find,
    show_all,
)
from waypost.cli.options import As, Reason
from waypost.cli.output import AsJson, console, end_with, present, print_to_stderr
from waypost.cli.parsers import parse_id
from waypost.cli.services import service_named, service_within
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.changes import cancel_job, dead_job, retry_job, retry_jobs
from waypost.operations.jobs.manual_run import run_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import DeadJobs, JobSearch, find_dead

METAVAR = "SERVICE.JOB"

Change = Callable[[AdminService], Awaitable[FoundJob]]


def retry(
    name_of_operator: As,
    job_id: Annotated[UUID | None, typer.Argument(metavar="JOB_ID", parser=parse_id, help="One dead job.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead jobs that match the filters.")] = False,
    service: ServiceOption = None,
    name: NameOption = None,
    tenant: TenantOption = None,
    limit: LimitOption = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Lists the jobs, and changes nothing.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Queues dead jobs again, with zero attempts and the same idempotency key: one by its id, or
    all that match with --all.
    """
    audit_context = None if dry_run else AuditContext(operator=name_of_operator, reason=reason)
    if (job_id is not None) == everything:
        raise Invalid("name one dead job by its id, or add --all for all that match the filters")
    if job_id is not None:
        sent = asyncio.run(_change(job_id, lambda admin_service: _retry(admin_service, job_id, audit_context)))
        _present(sent, f"{job_id} would be queued again" if dry_run else f"{job_id} is queued again", as_json)
        return
    search = JobSearch(name=name, tenant_id=tenant, limit=limit)

    async def send(admin_service: AdminService) -> tuple[str, DeadJobs]:
        sent = await (
            find_dead(admin_service.ops, search)
            if audit_context is None
            else retry_jobs(admin_service, search, audit_context)
        )
        return admin_service.name, sent

    results, problems = asyncio.run(ask_service(service, send))
    jobs: Sequence[ServiceJob] = [(name, job) for name, sent in results for job in sent.jobs]

    def text() -> None:
        show_all(jobs)
        console.print(f"{len(jobs)} would be queued again" if dry_run else f"{len(jobs)} are queued again")

    present([as_dict(name, job) for name, job in jobs], text, as_json=as_json)
    if left := sum(sent.left for _, sent in results):
        print_to_stderr(f"{left} more dead jobs match; run the same command again for the next ones")
    end_with(problems)


def cancel(job_id: JobArgument, reason: Reason, name_of_operator: As, as_json: AsJson = False) -> None:
    """Cancels a queued, running or dead job. A running job is stopped within ten seconds, and its
    result is dropped.
    """
    audit_context = AuditContext(operator=name_of_operator, reason=reason)
    gone = asyncio.run(_change(job_id, lambda admin_service: cancel_job(admin_service, job_id, audit_context)))
    _present(gone, f"{job_id} is cancelled", as_json)


def run(
    job: Annotated[str, typer.Argument(metavar=METAVAR, help="Job from `waypost jobs declared`.")],
    tenant: Annotated[UUID, typer.Option(parser=parse_id, help="Tenant of the job.")],
    reason: Reason,
    name_of_operator: As,
    argument: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Repeatable. Argument of the job.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enqueues a job and prints its id."""
    service, name = service_within(job, METAVAR), job.partition(".")[2]
    audit_context, arguments = AuditContext(operator=name_of_operator, reason=reason), _parsed(argument or [])

    async def enqueue() -> ServiceJob:
        async with open_admin_service(service) as admin_service:
            return service.name, await run_job(admin_service, name, tenant, arguments, audit_context)

    enqueued = asyncio.run(enqueue())
    _present(enqueued, str(enqueued[1].id), as_json)


async def _retry(admin_service: AdminService, job_id: UUID, audit_context: AuditContext | None) -> FoundJob:
    return await (
        dead_job(admin_service, job_id) if audit_context is None else retry_job(admin_service, job_id, audit_context)
    )


async def _change(job_id: UUID, change: Change) -> ServiceJob:
    """Applies the change and returns the changed job."""
    found = await find(job_id)
    async with open_admin_service(service_named(found.service)) as admin_service:
        return found.service, await change(admin_service)


def _present(changed: ServiceJob, text: str, as_json: bool) -> None:
    present(as_dict(*changed), text, as_json=as_json)


def _parsed(texts: Sequence[str]) -> Mapping[str, str]:
    """Parses NAME=VALUE pairs. Raises Invalid for another form and for a repeated name."""
    pairs = [pair.partition("=")[::2] for pair in texts]
    if any("=" not in pair for pair in texts):
        raise Invalid("--argument needs the form NAME=VALUE")
    if len({name for name, _ in pairs}) < len(pairs):
        raise Invalid("--argument repeats an argument: name each one once")
    return dict(pairs)
