"""Jobs that a handler enqueues in answer to an event."""

import json
from collections import Counter
from dataclasses import replace
from uuid import uuid5

from waypost.kernel.ids import EventId, JobId
from waypost.ports.jobs import JobQueue, NewJob


class JobsOfOneEvent(JobQueue):
    """`waypost.ports.jobs.JobQueue` that gives a job without a key one that is the same whenever
    the event is handled.

    So a replay enqueues nothing that is there, or was done; and what it does enqueue asks the
    outside under the key of the first time.
    """

    def __init__(self, jobs: JobQueue, consumer: str, event_id: EventId) -> None:
        self._jobs = jobs
        self._consumer = consumer
        self._event_id = event_id
        self._asked_for: Counter[str] = Counter()

    async def add(self, job: NewJob) -> JobId:
        return await self._jobs.add(replace(job, idempotency_key=job.idempotency_key or self._key(job)))

    def _key(self, job: NewJob) -> str:
        """Two alike of one event are two jobs."""
        what = f"{self._consumer}/{job.name}/{json.dumps(job.arguments, default=str, sort_keys=True)}"
        self._asked_for[what] += 1
        return str(uuid5(self._event_id, f"{what}/{self._asked_for[what]}"))
