"""The database is lost under running jobs and returns (fault matrix 21): completed work is not
repeated.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.jobs_process import JOBS
from tests.faults.jobs_rig import SHORT, JobsRig, jobs_rig
from tests.fixtures.jobs import Service, migrate
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.backoff import Backoff
from waypost.testing.database import Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.postgres import DatabaseServer


@pytest.fixture
async def jobs_on_own_postgres(own_postgres: DatabaseServer, tmp_path: Path) -> AsyncIterator[JobsRig]:
    async with connected(own_postgres.admin_dsn) as admin:
        database = await Templates(admin, own_postgres.admin_dsn).copy("billing", migrate)
    async with jobs_rig(database, tmp_path) as rig:
        yield rig


async def test_an_outcome_waits_for_the_database(jobs_on_own_postgres: JobsRig, own_postgres: DatabaseServer) -> None:
    jobs = jobs_on_own_postgres
    held = await jobs.service.enqueue("held", file=str(jobs.logs / "let go"))
    process = await jobs.start()
    await eventually((jobs.logs / "begun").exists, deadline_seconds=20)
    await own_postgres.stop_immediately()
    (jobs.logs / "let go").touch()
    await eventually((jobs.logs / "done").exists)
    await own_postgres.start()
    assert (await jobs.service.becomes("complete", held)).attempts == 1
    later = await jobs.service.enqueue("held", file=str(jobs.logs / "let go"))
    await jobs.service.becomes("complete", later)
    assert process.running


async def test_jobs_are_claimed_as_soon_as_leases_are_renewed_again(
    jobs_on_own_postgres: JobsRig, own_postgres: DatabaseServer
) -> None:
    """The pause after the last failed claim does not delay the first one."""
    worker = jobs_on_own_postgres.service.worker(settings=JobWorkerSettings(lease_seconds=SHORT))
    await worker.start()
    await worker.ready.wait()
    assert worker._claims is not None
    worker._claims._backoff = Backoff(first_seconds=3600.0)
    await own_postgres.stop_immediately()
    await eventually(lambda: worker._claims is not None and worker._claims.failures > 0, deadline_seconds=20)
    await own_postgres.start()
    await eventually(worker.ready.is_set, deadline_seconds=20)
    await worker.drain(0.1)
    await worker.stop()


async def test_a_frozen_database_does_not_keep_a_worker_from_ending(own_postgres: DatabaseServer) -> None:
    async with connected(own_postgres.admin_dsn) as admin:
        database = await Templates(admin, own_postgres.admin_dsn).copy("billing", migrate)
    service = Service(database.app, JOBS)
    worker = service.worker(settings=JobWorkerSettings(lease_seconds=SHORT, poll_seconds=0.1))
    async with service.database.autocommit(), service.database.autocommit():
        pass  # a connection for each loop of the worker: neither meets the freeze while it connects
    await worker.start()
    await worker.ready.wait()
    own_postgres.pause()
    await eventually(lambda: not worker.ready.is_set(), deadline_seconds=20)
    await worker.drain(0.1)
    await worker.stop()
    own_postgres.resume()
    await service.database.close()
