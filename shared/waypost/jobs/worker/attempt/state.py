"""The state of one attempt at one job."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from waypost.jobs.claim import Claim
from waypost.jobs.declaration import Job


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    """Another execution follows."""
    DEAD = "dead"
    CANCELLED = "cancelled"
    """The worker stopped, or the lease was lost."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """State that the steps of one attempt share."""

    claim: Claim
    job: Job
    began: float = field(default_factory=time.perf_counter)
    result: str = ""
    """The handler's result, as JSON."""
    error: Exception | None = None
    outcome: Outcome = Outcome.CANCELLED
    """Cancelled until another outcome is written."""

    @property
    def number(self) -> int:
        """The number of this attempt, without outages. After a crash in the last attempt the claim
        counts one above the limit; that attempt never starts.
        """
        return self.claim.attempt - (1 if self.is_exhausted else 0)

    @property
    def is_exhausted(self) -> bool:
        return self.claim.attempt > self.job.max_attempts

    @property
    def facts(self) -> Mapping[str, object]:
        """Fields of log entries."""
        claim = self.claim
        return {
            "job": claim.name,
            "job_id": str(claim.id),
            "tenant_id": str(claim.tenant_id),
            "attempt": self.number,
            "outages": claim.outages,
        }
