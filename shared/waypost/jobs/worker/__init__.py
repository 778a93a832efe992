"""The job process: takes up what is due, one lease per attempt."""

from waypost.jobs.worker.loop import JobWorker
from waypost.jobs.worker.settings import JobWorkerSettings

__all__ = ["JobWorker", "JobWorkerSettings"]
