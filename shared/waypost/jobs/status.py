"""The status of a job, for its tenant and for operators."""

from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    """An attempt failed and another will follow."""
    DEAD = "dead"
    """No attempt will follow."""
    COMPLETE = "complete"
    CANCELLED = "cancelled"


EXECUTIONS = "(job.attempts + job.outages)"
"""How often the handler of a pending row, aliased `job`, has begun. `attempts` counts against the
limit `max_attempts`; `outages` are the executions that an outage ended.
"""

STATE = f"case when job.status = 'queued' and {EXECUTIONS} > 0 then 'failed' else job.status end"
"""State of a pending row, aliased `job`."""

QUEUED = (
    "status = 'queued' and not crashed and not delayed",
    "status = 'queued' and crashed",
    "status = 'queued' and delayed and not crashed",
)
"""The queued jobs in parts that do not overlap. Each implies the predicate of a partial index."""
