"""A job that a worker has leased for one attempt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from waypost.jobs.parameter import JsonArgument
from waypost.kernel.cause import Cause
from waypost.kernel.ids import JobId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    id: JobId
    lease: UUID
    """Fencing token of the outcome: a later claim of the job has another lease."""
    attempt: int
    tenant_id: TenantId
    name: str
    arguments: Mapping[str, JsonArgument]
    idempotency_key: str | None
    priority: int
    enqueued_at: datetime
    run_at: datetime
    operator_retries: int
    """Number of retries by operators."""
    crashed: bool
    """The last attempt recorded no outcome; its worker may have crashed."""
    cause: Cause
    """The cause of the attempt's work: the job itself, in the chain of its enqueue."""


COLUMNS = """id, lease, attempts, tenant_id, name, arguments::text as arguments, idempotency_key, priority, enqueued_at, run_at, redrives,
    crashed, correlation_id, traceparent, tracestate, actor_id"""


def claim_of(row: asyncpg.Record) -> Claim:
    """The claim from a row of `COLUMNS`."""
    return Claim(
        id=row["id"],
        lease=row["lease"],
        attempt=row["attempts"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        arguments=json.loads(row["arguments"]),
        idempotency_key=row["idempotency_key"],
        priority=row["priority"],
        enqueued_at=row["enqueued_at"],
        run_at=row["run_at"],
        operator_retries=row["redrives"],
        crashed=row["crashed"],
        cause=Cause(
            correlation_id=row["correlation_id"],
            causation_id=row["id"],
            traceparent=row["traceparent"],
            tracestate=row["tracestate"],
            actor_id=row["actor_id"],
        ),
    )
