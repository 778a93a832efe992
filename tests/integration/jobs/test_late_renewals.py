"""A worker whose heartbeat was late gives the other workers time to renew their leases."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from uuid import UUID

import pytest

from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorker, JobWorkerSettings, loop

SETTINGS = JobWorkerSettings(lease_seconds=30)


async def work(job: JobContext) -> None: ...


class SlowLeases:
    """Statements whose answers take `seconds`; `steps` lists the statements."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.now = self.seconds = 0.0

    async def renew(self, claims: Collection[Claim]) -> frozenset[UUID]:
        self.now += self.seconds
        self.steps.append("renew")
        return frozenset(claim.lease for claim in claims)

    async def release_expired(self) -> Sequence[UUID]:
        self.steps.append("release")
        return []


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> SlowLeases:
    slow = SlowLeases()
    monkeypatch.setattr(loop, "seconds_since_boot", lambda: slow.now, raising=False)
    return slow


@pytest.fixture
async def worker(service: ServiceOf, leases: SlowLeases) -> AsyncIterator[JobWorker[Any]]:
    """An idle worker, whose heartbeats the test calls."""
    made = (await service([Job(work)])).worker(settings=SETTINGS)
    vars(made)["_leases"] = leases
    yield made


async def heartbeats(worker: JobWorker[Any], leases: SlowLeases, *answers_take: float) -> Sequence[str]:
    """The statements of heartbeats in regular intervals whose answers take as long."""
    for leases.seconds in answers_take:
        await worker._heartbeat()
        leases.now += SETTINGS.lease_seconds / 3
    return leases.steps


async def test_an_idle_worker_asks_the_database_before_it_releases(worker: JobWorker[Any], leases: SlowLeases) -> None:
    assert await heartbeats(worker, leases, 0.1, 0.1) == ["renew", "release"] * 2


async def test_a_heartbeat_that_is_answered_late_releases_nothing(worker: JobWorker[Any], leases: SlowLeases) -> None:
    steps = await heartbeats(worker, leases, 0.1, 20, 0.1, 0.1)
    assert steps == ["renew", "release", "renew", "renew", "renew", "release"]


async def test_a_worker_that_was_frozen_between_heartbeats_releases_nothing(
    worker: JobWorker[Any], leases: SlowLeases
) -> None:
    await heartbeats(worker, leases, 0.1)
    leases.now += 60
    assert await heartbeats(worker, leases, 0.1, 0.1, 0.1) == ["renew", "release", "renew", "renew", "renew", "release"]
