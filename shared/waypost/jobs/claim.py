"""A job that a worker has leased for one attempt."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from waypost.jobs.parameter import JsonArgument
from waypost.kernel.cause import Cause
from waypost.kernel.ids import JobId, TenantId


class Claim(NamedTuple):
    """A named tuple, because a worker creates one per job."""

    id: JobId
    lease: UUID
    """Fencing token of the outcome: a later claim of the job has another lease."""
    attempt: int
    """The number of this attempt, from 1; counts against `max_attempts`."""
    outages: int
    """Earlier executions that an outage ended; they count as no attempt."""
    tenant_id: TenantId
    name: str
    idempotency_key: str | None
    priority: int
    enqueued_at: datetime
    run_at: datetime
    started_at: datetime
    """Start of this attempt, by the database's clock."""
    operator_retries: int
    """Number of retries by operators."""
    crashed: bool
    """The last attempt recorded no outcome; its worker may have crashed."""
    arguments: Mapping[str, JsonArgument]
    cause: Cause
    """The cause of the attempt's work: the job itself, in the chain of its enqueue."""

    @property
    def executions(self) -> int:
        """Number of executions, this one included: attempts and outages."""
        return self.attempt + self.outages


# In the order of the fields.
COLUMNS = """id, lease, attempts as attempt, outages, tenant_id, name, idempotency_key, priority, enqueued_at, run_at,
    started_at, redrives, crashed, arguments::text as arguments, correlation_id, traceparent, tracestate, actor_id"""


def claim_of(row: Iterable[Any]) -> Claim:
    """The claim from a row of `COLUMNS`."""
    job_id, *others, arguments, correlation_id, traceparent, tracestate, actor_id = row
    cause = Cause(correlation_id, job_id, traceparent, tracestate, actor_id)
    return Claim._make((job_id, *others, json.loads(arguments), cause))
