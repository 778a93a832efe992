"""Background work, enqueued in the transaction of the event that causes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from waypost.kernel.ids import JobId

Scalar = str | int | bool | UUID | datetime | date | Decimal | None
JobArgument = Scalar | Sequence[Scalar]
"""A sequence is a list of scalars of one type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to enqueue; `JobQueue.enqueue` defines each field."""

    name: str
    arguments: Mapping[str, JobArgument] = field(default_factory=dict)
    idempotency_key: str | None = None
    run_at: datetime | None = None
    priority: int | None = None
    owner_id: UUID | None = None


class JobQueue(Protocol):
    """Adapters implement `add` and inherit `enqueue`."""

    async def add(self, job: NewJob) -> JobId:
        """Enqueues the job in the caller's transaction; see `enqueue`. Raises Invalid."""
        ...

    async def enqueue(
        self,
        name: str,
        *,
        idempotency_key: str | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
        owner_id: UUID | None = None,
        **arguments: JobArgument,
    ) -> JobId:
        """Enqueues `name` in the caller's transaction: a rollback removes it, a commit never loses
        it.

        The job carries the one bound tenant and the unit of work's cause. Arguments are ids,
        scalars and lists of scalars; others raise Invalid with the reason. A second enqueue with
        the same (tenant, name, `idempotency_key`) returns the first one's id and enqueues nothing.
        The rows of a job without a key are written by the commit, and invisible before. In a block
        of `rows.begin_nested()` they are written at once; a savepoint set by SQL text does not
        cover them.
        The job is due at once, or at `run_at` by the database's clock. Due jobs with a higher
        `priority` run first; the default is that of the declaration. While an event is handled, a
        job without a key gets one that is the same each time the event is handled.
        """
        return await self.add(
            NewJob(
                name=name,
                arguments=arguments,
                idempotency_key=idempotency_key,
                run_at=run_at,
                priority=priority,
                owner_id=owner_id,
            )
        )
