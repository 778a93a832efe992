"""Checks of background jobs."""

from waypost.jobs.status import QUEUED
from waypost.operations.doctor.finding import ExaminedService, Finding, Findings

LATE = "5 minutes"
LAPSED = "2 minutes"

_DEAD = "select name, count(*) from jobs where status = 'dead' group by name order by name"

# From the partial indexes, whose order is not that of the time: the count stops at a limit.
_LATE = f"""
select count(*) as jobs, (extract(epoch from now() - min(run_at)) / 60)::int as minutes
from ({
    " union all ".join(
        f"(select run_at from jobs where {predicate} and run_at < now() - $1::text::interval limit 100000)"
        for predicate in QUEUED
    )
}) as late"""

_LAPSED = "select count(*) from jobs where status = 'running' and lease_until < now() - $1::text::interval"


async def dead(examined: ExaminedService) -> Findings:
    return [
        Finding(
            problem=f"{row['count']} jobs {row['name']} are dead",
            remedy=f"correct the reason (`waypost jobs list --service {examined.name} --dead`), then:"
            f" waypost jobs retry --all --service {examined.name} --name {row['name']} --reason '…'",
        )
        for row in await examined.reads.fetch(_DEAD)
    ]


async def backlog(examined: ExaminedService) -> Findings:
    """Jobs that are due and do not run."""
    (row,) = await examined.reads.fetch(_LATE, LATE)
    if not row["jobs"]:
        return []
    problem = f"{row['jobs']} jobs are due and do not run, the oldest since {row['minutes']} minutes"
    return [Finding(problem=problem, remedy=f"start a job process, or another one: {examined.start} jobs")]


async def lapsed_leases(examined: ExaminedService) -> Findings:
    """Running jobs whose process is gone. Another process queues them again."""
    (row,) = await examined.reads.fetch(_LAPSED, LAPSED)
    if not row["count"]:
        return []
    problem = f"{row['count']} jobs belong to a process that has ended, and no other process takes them over"
    return [Finding(problem=problem, remedy=f"start a job process: {examined.start} jobs")]
