"""Background work that commits with the fact that caused it."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from waypost.kernel.ids import JobId

Scalar = str | int | bool | UUID | datetime | None


class JobQueue(Protocol):
    async def enqueue(
        self,
        name: str,
        *,
        idempotency_key: str | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
        owner_id: UUID | None = None,
        **arguments: Scalar,
    ) -> JobId:
        """Queues `name` in the caller's transaction: a rollback forgets it, a commit never loses it.

        The job carries the one bound tenant and the unit of work's cause by itself. Arguments are ids and scalars; anything else raises
        Invalid and says why. A second enqueue with the same (tenant, name, `idempotency_key`) gives the first one's id and queues nothing.
        Higher `priority` runs first. In answer to an event, a job without a key is given one that is the same whenever it is handled.
        """
        ...
