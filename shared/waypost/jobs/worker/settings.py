"""Settings of a job worker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorkerSettings:
    max_jobs: int = 10
    """Maximum of jobs that run at the same time."""
    lease_seconds: float = 30.0
    """A dead worker's jobs are claimed by others after this time, plus up to a third."""
    poll_seconds: float = 1.0
    """Maximum time between polls; a wake-up usually reaches the worker within milliseconds."""


DEFAULTS = JobWorkerSettings()
