"""A service's job process with a clock that the test sets, and leases that expire during a test."""

from dataclasses import replace

from tests.fixtures.process_logs import log_plainly
from waypost.engine.failpoints import arm_failpoints
from waypost.engine.process import Process
from waypost.hosting.jobs import job_worker
from waypost.hosting.runtime import build_runtime
from waypost.hosting.service import Service
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.clock import Clock


async def work(service: Service, dsn: str, clock: Clock, *, lease_seconds: float) -> None:
    """Runs until asked to stop, or until it reaches an armed failpoint."""
    log_plainly()
    arm_failpoints()
    runtime = build_runtime(service, "jobs", dsn=dsn, pool_size=5)
    settings = JobWorkerSettings(lease_seconds=lease_seconds, poll_seconds=0.1)
    worker = job_worker(service, replace(runtime, clock=clock), settings)
    await Process([runtime.wakeup_sender, worker], drain_seconds=2).run()
    await runtime.database.close()
