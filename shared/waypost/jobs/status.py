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


STATE = "case when job.status = 'queued' and job.attempts > 0 then 'failed' else job.status end"
"""State of a pending row, aliased `job`."""
