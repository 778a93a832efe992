"""Jobs that a handler enqueues in answer to an event."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from waypost.kernel.ids import EventId, JobId
from waypost.ports.jobs import JobQueue, Scalar


class JobsOfOneEvent:
    """`waypost.ports.jobs.JobQueue` that gives a job without a key one that is the same whenever the event is handled.

    So a replay enqueues nothing that is there, or was done; and what it does enqueue asks the outside under the key of the first time.
    """

    def __init__(self, jobs: JobQueue, consumer: str, event_id: EventId) -> None:
        self._jobs = jobs
        self._consumer = consumer
        self._event_id = event_id
        self._asked_for: Counter[str] = Counter()

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
        return await self._jobs.enqueue(
            name,
            idempotency_key=idempotency_key or self._key(name, arguments),
            run_at=run_at,
            priority=priority,
            owner_id=owner_id,
            **arguments,
        )

    def _key(self, name: str, arguments: Mapping[str, Scalar]) -> str:
        """Two alike of one event are two jobs."""
        what = f"{self._consumer}/{name}/{json.dumps(arguments, default=str, sort_keys=True)}"
        self._asked_for[what] += 1
        return str(uuid5(self._event_id, f"{what}/{self._asked_for[what]}"))
