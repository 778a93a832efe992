"""Jobs that a handler enqueues while it handles an event."""

import json
from collections import Counter
from dataclasses import replace
from uuid import uuid5

from waypost.kernel.ids import EventId, JobId
from waypost.ports.jobs import JobQueue, NewJob


class JobsOfOneEvent(JobQueue):
    """`waypost.ports.jobs.JobQueue` that derives the key of a job without one from the event, so
    that it is the same each time the event is handled.

    A replay therefore enqueues no job that exists or has run. A job that a replay does enqueue
    calls external systems under the first run's idempotency key.
    """

    def __init__(self, jobs: JobQueue, consumer: str, event_id: EventId) -> None:
        self._jobs = jobs
        self._consumer = consumer
        self._event_id = event_id
        self._occurrences: Counter[str] = Counter()

    async def add(self, job: NewJob) -> JobId:
        return await self._jobs.add(replace(job, idempotency_key=job.idempotency_key or self._key(job)))

    def _key(self, job: NewJob) -> str:
        """A deterministic key. Identical jobs of one event are numbered, so that they stay separate
        jobs.
        """
        identity = f"{self._consumer}/{job.name}/{json.dumps(job.arguments, default=str, sort_keys=True)}"
        self._occurrences[identity] += 1
        return str(uuid5(self._event_id, f"{identity}/{self._occurrences[identity]}"))
