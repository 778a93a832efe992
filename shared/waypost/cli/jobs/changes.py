"""`waypost jobs retry`, `cancel` and `run`"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import ask_service, open_admin_service
from waypost.cli.jobs.inspection import (
    JobArgument,
    LimitOption,
    NameOption,
    OfService,
    ServiceOption,
    TenantOption,
    find,
    show_all,
    told,
)
from waypost.cli.output import AsJson, console, end_with, remark, to_json
from waypost.cli.parsing import an_id
from waypost.cli.services import service_within
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.changes import cancel_job, dead_job, retry_job, retry_jobs
from waypost.operations.jobs.manual_run import run_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import DeadJobs, JobSearch, find_dead

FORM = "SERVICE.JOB"

Change = Callable[[AdminService], Awaitable[FoundJob]]


def retry(
    name_of_operator: As,
    job_id: Annotated[UUID | None, typer.Argument(metavar="JOB_ID", parser=an_id, help="One dead job.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever is dead and fits the filters.")] = False,
    service: ServiceOption = None,
    name: NameOption = None,
    tenant: TenantOption = None,
    limit: LimitOption = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Shows which, and changes nothing.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Queues dead jobs once more, with all their attempts and the same idempotency key: one, or
    with --all those that match.
    """
    audit_context = None if dry_run else AuditContext(operator=name_of_operator, reason=reason)
    if (job_id is not None) == everything:
        raise Invalid("name one dead job by its id, or say --all for those that fit the filters")
    if job_id is not None:
        sent = asyncio.run(_change(job_id, lambda admin_service: _send_again(admin_service, job_id, audit_context)))
        _tell(sent, f"{job_id} would be queued again" if dry_run else f"{job_id} is queued again", as_json)
        return
    search = JobSearch(name=name, tenant_id=tenant, limit=limit)

    async def send(admin_service: AdminService) -> tuple[str, DeadJobs]:
        sent = await (
            find_dead(admin_service.ops, search)
            if audit_context is None
            else retry_jobs(admin_service, search, audit_context)
        )
        return admin_service.name, sent

    found, problems = asyncio.run(ask_service(service, send))
    jobs: Sequence[OfService] = [(name, job) for name, sent in found for job in sent.jobs]
    if as_json:
        console.print(to_json([told(*each) for each in jobs]), soft_wrap=True)
    else:
        show_all(jobs)
        console.print(f"{len(jobs)} would be queued again" if dry_run else f"{len(jobs)} are queued again")
    if left := sum(sent.left for _, sent in found):
        remark(f"{left} more that are dead fit; the same again comes to them")
    end_with(problems)


def cancel(job_id: JobArgument, reason: Reason, name_of_operator: As, as_json: AsJson = False) -> None:
    """Takes a job away, waiting, running or dead. One that runs is stopped within ten seconds, and
    its outcome dropped.
    """
    audit_context = AuditContext(operator=name_of_operator, reason=reason)
    gone = asyncio.run(_change(job_id, lambda admin_service: cancel_job(admin_service, job_id, audit_context)))
    _tell(gone, f"{job_id} is cancelled", as_json)


def run(
    job: Annotated[str, typer.Argument(metavar=FORM, help="From `waypost jobs declared`.")],
    tenant: Annotated[UUID, typer.Option(parser=an_id, help="Whom it works for.")],
    reason: Reason,
    name_of_operator: As,
    argument: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Enqueues a job by hand and prints its id."""
    service, name = service_within(job, FORM), job.partition(".")[2]
    audit_context, arguments = AuditContext(operator=name_of_operator, reason=reason), _parsed(argument or [])

    async def enqueue() -> OfService:
        async with open_admin_service(service) as admin_service:
            return service.name, await run_job(admin_service, name, tenant, arguments, audit_context)

    enqueued = asyncio.run(enqueue())
    _tell(enqueued, str(enqueued[1].id), as_json)


async def _send_again(admin_service: AdminService, job_id: UUID, audit_context: AuditContext | None) -> FoundJob:
    return await (
        dead_job(admin_service, job_id) if audit_context is None else retry_job(admin_service, job_id, audit_context)
    )


async def _change(job_id: UUID, change: Change) -> OfService:
    """Gives the job as it then is."""
    found = await find(job_id)
    async with open_admin_service(found.service) as admin_service:
        return found.service.name, await change(admin_service)


def _tell(changed: OfService, in_words: str, as_json: bool) -> None:
    console.print(to_json(told(*changed)) if as_json else in_words, soft_wrap=True)


def _parsed(given: Sequence[str]) -> Mapping[str, str]:
    """Raises Invalid for what is no name=value, and for a name that is given twice."""
    pairs = [each.partition("=")[::2] for each in given]
    if any("=" not in each for each in given):
        raise Invalid("--argument takes name=value")
    if len({name for name, _ in pairs}) < len(pairs):
        raise Invalid("--argument names the same argument twice")
    return dict(pairs)
