"""Who works on what. A lease ends by the database's clock, so that the workers' clocks need not
agree.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from waypost.jobs.claim import COLUMNS, Claim, claim_of
from waypost.postgres.database import Database
from waypost.telemetry import metrics

# The attempt is counted here, before anything runs: a job that kills its worker has used up an
# attempt. Such a suspect runs beside no other suspect, or one poisonous job would take its
# neighbours through all their attempts. `materialized`: a limit inside a join may run twice.
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

_RENEW = """
update jobs set lease_until = now() + make_interval(secs => $3) where id = any($1) and lease = any($2) returning lease"""

# Any worker may do it. The attempt stays counted.
_RELEASE_EXPIRED = """
update jobs set status = 'queued', crashed = true, lease = null, lease_until = null
where id in (select id from jobs where status = 'running' and lease_until < now() for update skip locked)
returning id"""

_PENDING = "select name, status, count(*) as jobs from jobs group by name, status"

_RELEASE = """
update jobs set status = 'queued', attempts = attempts - 1, lease = null, lease_until = null where id = $1 and lease = $2"""


class Leases:
    def __init__(self, database: Database, *, worker: str, names: Sequence[str], seconds: float) -> None:
        self.seconds = seconds
        self._database = database
        self._worker = worker
        self._names = names

    async def claim(self, limit: int, *, suspects: int, now: datetime) -> Sequence[Claim]:
        """Up to `limit` jobs that are due, the most urgent first; of those whose last attempt
        crashed, `suspects` at most.
        """
        async with self._database.autocommit() as raw:
            rows = await raw.fetch(CLAIM, now, self._names, limit, suspects, self._worker, self.seconds)
        return sorted(map(claim_of, rows), key=lambda claim: (-claim.priority, claim.run_at))

    async def next_run_at(self, *, after: datetime, until: datetime) -> datetime | None:
        """When the first job between the two is due."""
        async with self._database.autocommit() as raw:
            found: datetime | None = await raw.fetchval(_NEXT, after, until, self._names)
        return found

    async def renew(self, claims: Collection[Claim]) -> frozenset[UUID]:
        """Holds them for longer. Gives the leases that are still ours; the others were lost."""
        async with self._database.autocommit() as raw:
            rows = await raw.fetch(_RENEW, [each.id for each in claims], [each.lease for each in claims], self.seconds)
        return frozenset(row["lease"] for row in rows)

    async def release_expired(self) -> Sequence[UUID]:
        """Makes the jobs of dead and frozen workers claimable again."""
        async with self._database.autocommit() as raw:
            rows = await raw.fetch(_RELEASE_EXPIRED)
        return [row["id"] for row in rows]

    async def gauge(self) -> None:
        """Shows how many jobs there are in each state."""
        async with self._database.autocommit() as raw:
            rows = await raw.fetch(_PENDING)
        metrics.JOBS_PENDING.clear()
        for row in rows:
            metrics.JOBS_PENDING.labels(row["name"], row["status"]).set(row["jobs"])

    async def release(self, claim: Claim) -> None:
        """Returns a job whose attempt could not end in time. The attempt does not count: the worker
        stopped, the job did not fail.
        """
        async with self._database.autocommit() as raw:
            await raw.execute(_RELEASE, claim.id, claim.lease)
