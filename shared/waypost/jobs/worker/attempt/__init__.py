"""One attempt at one job; it counts unless an outage ends it."""

from waypost.jobs.worker.attempt.handler_call import AttemptAborted
from waypost.jobs.worker.attempt.runner import AFTER_OUTCOME, BEFORE_OUTCOME, PAUSE_SECONDS, AttemptRunner
from waypost.jobs.worker.attempt.state import Attempt, Outcome

__all__ = ["AFTER_OUTCOME", "BEFORE_OUTCOME", "PAUSE_SECONDS", "Attempt", "AttemptAborted", "AttemptRunner", "Outcome"]
