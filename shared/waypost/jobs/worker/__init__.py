"""The job worker: claims due jobs, with a lease per attempt."""

from waypost.jobs.worker.loop import JobWorker, JobWorkerSettings

__all__ = ["JobWorker", "JobWorkerSettings"]
