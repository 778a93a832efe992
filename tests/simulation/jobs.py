"""The job table with the worker's statements, and the provider that a job calls.

The statements themselves are PostgreSQL's and are tested against it; here each is one step that is
atomic, and whose request or answer may be lost.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from tests.simulation.deterministic import EPOCH
from tests.simulation.faults import Connection
from tests.simulation.loop import SimulatedProcess
from waypost.jobs.claim import Claim
from waypost.jobs.status import Status
from waypost.jobs.worker import outcomes
from waypost.jobs.worker.completions import Completion
from waypost.kernel.cause import Cause
from waypost.kernel.ids import JobId, new_id
from waypost.memory.database import QueuedJob

if TYPE_CHECKING:
    from tests.simulation.world import World

R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class JobRow:
    job: QueuedJob
    run_at: datetime
    status: Status = Status.QUEUED
    attempts: int = 0
    outages: int = 0
    lease: UUID | None = None
    leased_until: float = 0.0
    crashed: bool = False
    error: str = ""


class JobTable:
    def __init__(self, world: "World") -> None:
        self.rows: dict[JobId, JobRow] = {}
        self._world = world

    def refresh(self) -> None:
        """Adds the jobs that were committed since the last statement."""
        for job_id, job in self._world.database.tables.jobs.items():
            if job_id not in self.rows:
                self.rows[job_id] = JobRow(job=job, run_at=datetime.fromtimestamp(EPOCH, UTC))

    def held(self, claim: Claim) -> JobRow | None:
        """The row, if the claim's lease is the current one."""
        row = self.rows.get(claim.id)
        return row if row and row.lease == claim.lease else None


class Statements:
    """Statements of one process, each on its own connection."""

    def __init__(self, world: "World", process: SimulatedProcess) -> None:
        self._world = world
        self._process = process

    def _now(self, after_seconds: float = 0.0) -> datetime:
        """The time of the database."""
        return datetime.fromtimestamp(EPOCH + self._world.loop.time() + after_seconds, UTC)

    async def _statement(self, what: str, operation: Callable[[], Awaitable[R]]) -> R:
        connection = Connection(self._world, self._process, "jobs")
        try:
            return await connection.call(what, operation)
        finally:
            connection.close()


class SimulatedLeases(Statements):
    """`waypost.jobs.worker.leases.Leases` of one process."""

    def __init__(self, world: "World", process: SimulatedProcess, *, seconds: float) -> None:
        super().__init__(world, process)
        self.seconds = seconds

    async def claim(self, limit: int, capacity: Mapping[str, int], *, max_crashed: int) -> Sequence[Claim]:
        async def claim() -> Sequence[Claim]:
            self._world.jobs.refresh()
            now = self._now()
            rows = [row for row in self._world.jobs.rows.values() if row.status is Status.QUEUED and row.run_at <= now]
            crashed = [row for row in rows if row.crashed][:max_crashed]
            return [self._lease(row) for row in [*crashed, *(row for row in rows if not row.crashed)][:limit]]

        return await self._statement("claim", claim)

    def _lease(self, row: JobRow) -> Claim:
        row.status, row.attempts, row.lease = Status.RUNNING, row.attempts + 1, new_id()
        row.leased_until = self._world.loop.time() + self.seconds
        at = datetime.fromtimestamp(EPOCH, UTC)
        return Claim(
            id=row.job.id,
            lease=row.lease,
            attempt=row.attempts,
            outages=row.outages,
            tenant_id=row.job.tenant_id,
            name=row.job.name,
            arguments={name: str(value) for name, value in row.job.arguments.items()},
            idempotency_key=row.job.idempotency_key,
            priority=0,
            enqueued_at=at,
            run_at=row.run_at,
            started_at=self._now(),
            operator_retries=0,
            crashed=row.crashed,
            cause=Cause(correlation_id=row.job.id, causation_id=row.job.id),
        )

    async def promote_due_jobs(self) -> float | None:
        async def read() -> float | None:
            now = self._now()
            due = [row.run_at for row in self._world.jobs.rows.values() if row.status is Status.QUEUED]
            return min(((at - now).total_seconds() for at in due if at > now), default=None)

        return await self._statement("promote due jobs", read)

    async def renew(self, claims: Collection[Claim]) -> frozenset[UUID]:
        async def renew() -> frozenset[UUID]:
            held = {claim.lease: row for claim in claims if (row := self._world.jobs.held(claim))}
            for row in held.values():
                row.leased_until = self._world.loop.time() + self.seconds
            return frozenset(held)

        return await self._statement("renew", renew)

    async def release_expired(self) -> Sequence[UUID]:
        async def release() -> Sequence[UUID]:
            freed = [row for row in self._world.jobs.rows.values() if row.lease and self._is_expired(row)]
            for row in freed:
                row.status, row.crashed, row.lease = Status.QUEUED, True, None
            return [row.job.id for row in freed]

        return await self._statement("release expired", release)

    def _is_expired(self, row: JobRow) -> bool:
        return row.leased_until < self._world.loop.time()

    async def release(self, claim: Claim) -> None:
        async def release() -> None:
            if row := self._world.jobs.held(claim):
                row.status, row.attempts, row.lease = Status.QUEUED, row.attempts - 1, None

        await self._statement("release", release)


class SimulatedOutcomes(Statements):
    """The writes of `Outcomes` and `Completions` in one process."""

    async def write_completions(self, some: Sequence[Completion]) -> frozenset[UUID]:
        async def write() -> frozenset[UUID]:
            held = {each.claim.lease: row for each in some if (row := self._world.jobs.held(each.claim))}
            for row in held.values():
                row.status, row.lease = Status.COMPLETE, None
            return frozenset(held)

        return await self._statement("complete", write)

    async def write(self, claim: Claim, statement: str, *values: object) -> bool:
        async def write() -> bool:
            row = self._world.jobs.held(claim)
            if row is None:
                return False
            row.lease, row.crashed = None, False
            if statement == outcomes._MARK_DEAD:
                row.status, row.error = Status.DEAD, str(values[1])
            else:
                after_seconds, error, outages = values
                assert isinstance(after_seconds, float) and isinstance(outages, int)
                row.status, row.run_at, row.error = Status.QUEUED, self._now(after_seconds), str(error)
                row.attempts, row.outages = row.attempts - outages, row.outages + outages
            return True

        return await self._statement("outcome", write)


class Provider:
    """The external system: charges once per idempotency key."""

    def __init__(self) -> None:
        self.charged: dict[str, list[str]] = {}
        """By the source event: the keys under which it was charged."""

    async def charge(self, key: str, source: str) -> None:
        keys = self.charged.setdefault(source, [])
        if key not in keys:
            keys.append(key)
