"""What a worker is told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorkerSettings:
    max_jobs: int = 10
    """At the same time."""
    lease_seconds: float = 30.0
    """A dead worker's jobs are taken up after as long, and a third more at most."""
    poll_seconds: float = 1.0
    """At most, between two looks; the doorbell makes it milliseconds."""


DEFAULTS = JobWorkerSettings()
