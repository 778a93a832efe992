"""What a worker is told, and how it is woken."""

from dataclasses import dataclass
from typing import Protocol


class Wakeup(Protocol):
    """The listening side of the doorbell's channel "jobs"."""

    async def wait(self, timeout_seconds: float) -> object:
        """Returns once somebody rang since the last wait; at the latest after so many seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    max_jobs: int = 10
    """At the same time."""
    lease_seconds: float = 30.0
    """A dead worker's jobs are taken up after as long, and a third more at most."""
    poll_seconds: float = 1.0
    """At most, between two looks; the doorbell makes it milliseconds."""


DEFAULTS = WorkerSettings()
