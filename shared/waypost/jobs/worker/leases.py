"""Leases of jobs. They expire by the database's clock, so that workers' clocks need not agree."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from waypost.jobs.claim import COLUMNS, Claim, claim_of
from waypost.jobs.worker.session import WorkerSession
from waypost.postgres.database import Database
from waypost.telemetry import metrics

# The attempt is counted before the handler runs: a job that kills its worker has used an attempt. A
# job whose last attempt crashed never runs beside another such job; otherwise one poison job would
# use up the attempts of the others. `materialized`: a limit inside a join may run twice.
CLAIM = f"""
with suspect as materialized (
    select id as due_id, crashed, priority, run_at from jobs
    where status = 'queued' and crashed and run_at <= $1 and name = any($2)
    order by priority desc, run_at limit $4 for update skip locked
), sound as materialized (
    select id as due_id, crashed, priority, run_at from jobs
    where status = 'queued' and not crashed and run_at <= $1 and name = any($2)
    order by priority desc, run_at limit $3 for update skip locked
), due as materialized (
    select due_id from (select * from suspect union all select * from sound) as both_kinds
    order by crashed desc, priority desc, run_at limit $3
)
update jobs
set status = 'running', attempts = attempts + 1, lease = gen_random_uuid(), lease_until = now() + make_interval(secs => $6),
    worker = $5, started_at = clock_timestamp()
from due where id = due_id
returning {COLUMNS}"""

_NEXT = "select min(run_at) from jobs where status = 'queued' and run_at > $1 and run_at <= $2 and name = any($3)"

# Rows are locked in the order of their ids, as by the write of completed jobs.
_RENEW = """
with held as materialized (select id as held_id from jobs where id = any($1) and lease = any($2) order by id for update)
update jobs set lease_until = now() + make_interval(secs => $3) from held where id = held_id and lease = any($2)
returning lease"""

# Any worker may run it, so all are woken. The attempt stays counted.
_RELEASE_EXPIRED = """
with freed as (
    update jobs set status = 'queued', crashed = true, lease = null, lease_until = null
    where id in (select id from jobs where status = 'running' and lease_until < now() for update skip locked)
    returning id
)
select id, pg_notify('jobs', '') from freed"""

# Each state has a partial index, and the limits bound the cost for any number of jobs.
PENDING = f"""
select name, status, count(*) as jobs from ({
    " union all ".join(
        f"(select name, status from jobs where status = '{status}' limit 10000)"
        for status in ("queued", "running", "dead")
    )
}) as counted
group by name, status"""

_RELEASE = """
with freed as (
    update jobs set status = 'queued', attempts = attempts - 1, lease = null, lease_until = null
    where id = $1 and lease = $2
    returning id
)
select pg_notify('jobs', '') from freed"""


class Leases:
    """Claims, renews and releases jobs for one worker."""

    def __init__(self, session: WorkerSession, *, worker: str, names: Sequence[str], seconds: float) -> None:
        self.seconds = seconds
        self._session = session
        self._worker = worker
        self._names = names

    async def claim(self, limit: int, *, suspects: int, now: datetime) -> Sequence[Claim]:
        """Claims up to `limit` due jobs, the most urgent first; at most `suspects` jobs whose last
        attempt crashed.
        """
        async with self._session.connected() as raw:
            rows = await raw.fetch(CLAIM, now, self._names, limit, suspects, self._worker, self.seconds)
        return sorted(map(claim_of, rows), key=lambda claim: (-claim.priority, claim.run_at))

    async def next_run_at(self, *, after: datetime, until: datetime) -> datetime | None:
        """The time of the first job that becomes due between the two."""
        async with self._session.connected() as raw:
            due_at: datetime | None = await raw.fetchval(_NEXT, after, until, self._names)
        return due_at

    async def renew(self, claims: Collection[Claim]) -> frozenset[UUID]:
        """Extends the leases. Returns the leases that are still held; the others were lost."""
        async with self._session.connected() as raw:
            rows = await raw.fetch(
                _RENEW, [claim.id for claim in claims], [claim.lease for claim in claims], self.seconds
            )
        return frozenset(row["lease"] for row in rows)

    async def release_expired(self) -> Sequence[UUID]:
        """Makes jobs of dead and frozen workers claimable again."""
        async with self._session.connected() as raw:
            rows = await raw.fetch(_RELEASE_EXPIRED)
        return [row["id"] for row in rows]

    async def release(self, claim: Claim) -> None:
        """Returns a job whose attempt did not end in time. The attempt does not count, because the
        worker stopped rather than the job failed.
        """
        async with self._session.connected() as raw:
            await raw.execute(_RELEASE, claim.id, claim.lease)


async def count_pending(database: Database) -> None:
    """Sets the gauge of jobs per name and status. The query reads many jobs: on the session, it
    would delay claims and renewals.
    """
    rows = await database.fetch(PENDING)
    metrics.JOBS_PENDING.clear()
    for row in rows:
        metrics.JOBS_PENDING.labels(row["name"], row["status"]).set(row["jobs"])
