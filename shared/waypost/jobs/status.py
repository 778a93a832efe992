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


ATTEMPTS = "(job.attempts + job.outages)"
"""The attempts of a pending row, aliased `job`. Its column `attempts` leaves out attempts that an
outage ended, so that a worker of an earlier release takes none of them for one that failed.
"""

STATE = f"case when job.status = 'queued' and {ATTEMPTS} > 0 then 'failed' else job.status end"
"""State of a pending row, aliased `job`."""

QUEUED = (
    "status = 'queued' and not crashed and not delayed",
    "status = 'queued' and crashed",
    "status = 'queued' and delayed and not crashed",
)
"""The queued jobs in parts that do not overlap. Each implies the predicate of a partial index."""
