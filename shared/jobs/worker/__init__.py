"""The job process: takes up what is due, one lease per attempt."""

from shared.jobs.worker.loop import JobWorker
from shared.jobs.worker.settings import JobWorkerSettings

__all__ = ["JobWorker", "JobWorkerSettings"]
