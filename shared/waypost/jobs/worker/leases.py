"""Leases of jobs. They expire by the database's clock, so that workers' clocks need not agree."""

import os
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from uuid import UUID

from waypost.jobs.claim import Claim, claim_of
from waypost.jobs.worker.session import WorkerSession
from waypost.jobs.worker.statements import CLAIM, PROMOTE_DUE

# Rows are locked in the order of their ids, as by the write of completed jobs.
_RENEW = """
with held as materialized (select id as held_id from jobs where id = any($1) and lease = any($2) order by id for update)
update jobs set lease_until = now() + make_interval(secs => $3)
where id = any(array(select held_id from held)) and lease = any($2)
returning lease"""

# Any worker may run it, so all are woken. The attempt stays counted.
_RELEASE_EXPIRED = """
with freed as (
    update jobs set status = 'queued', crashed = true, lease = null, lease_until = null
    where id in (select id from jobs where status = 'running' and lease_until < now() for update skip locked)
    returning id
)
select id, pg_notify('jobs', '') from freed"""

REMEMBERED = 100
"""Limit of the kinds and priorities whose turns a worker remembers. One that it forgets begins as a
new one.
"""

LEASE_BYTES = 16

_RELEASE = """
with freed as (
    update jobs set status = 'queued', attempts = attempts - 1, lease = null, lease_until = null
    where id = $1 and lease = $2
    returning id
)
select pg_notify('jobs', '') from freed"""


class Leases:
    """Claims, renews and releases jobs for one worker."""

    def __init__(self, session: WorkerSession, *, worker: str, seconds: float) -> None:
        self.seconds = seconds
        self._session = session
        self._worker = worker
        self._served: dict[tuple[str, int], UUID] = {}
        """By kind and priority, the tenant whose job was claimed last: the next claim begins behind
        it. The kind and priority of the last claim are the last ones.
        """

    async def claim(self, limit: int, capacity: Mapping[str, int], *, max_crashed: int) -> Sequence[Claim]:
        """Claims up to `limit` due jobs, of each kind up to its `capacity`. The last attempt of at
        most `max_crashed` of them crashed. The most urgent ones first; among equals, tenants and
        kinds take turns.
        """
        capacities = [min(each, limit) for each in capacity.values()]
        names, priorities = [name for name, _ in self._served], [priority for _, priority in self._served]
        tenants = list(self._served.values())
        async with self._session.connected() as raw:
            rows = await raw.fetch(
                CLAIM,
                list(capacity),
                capacities,
                names,
                priorities,
                tenants,
                limit,
                max_crashed,
                self._worker,
                self.seconds,
                os.urandom(LEASE_BYTES * limit),
            )
        claims = [claim_of(columns) for _, *columns in sorted(rows, key=itemgetter(0))]
        self._remember(claims)
        return claims

    def _remember(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if not claim.crashed:
                kind_priority = claim.name, claim.priority
                self._served.pop(kind_priority, None)
                self._served[kind_priority] = claim.tenant_id
        for kind_priority in list(self._served)[:-REMEMBERED]:
            del self._served[kind_priority]

    async def promote_due_jobs(self) -> float | None:
        """Makes delayed jobs claimable whose time has come. Returns the seconds until the next job
        is due: 0 if some are; None if there is none.
        """
        async with self._session.connected() as raw:
            (row,) = await raw.fetch(PROMOTE_DUE)
        seconds: float | None = row["seconds"]
        return 0.0 if row["promoted"] else seconds

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
