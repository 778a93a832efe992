"""A worker whose heartbeat was late gives the other workers time to renew their leases."""

from collections.abc import Collection, Sequence
from typing import cast
from uuid import UUID

import pytest

from waypost.jobs.claim import Claim
from waypost.jobs.worker import lease_keeper
from waypost.jobs.worker.lease_keeper import LeaseKeeper
from waypost.jobs.worker.leases import Leases
from waypost.jobs.worker.slots import Slots
from waypost.kernel.errors import Transient

LEASE_SECONDS = 30.0


class SlowLeases:
    """Statements whose answers take `takes` seconds; `steps` lists the statements."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.now = 0.0
        self.takes = 0.0
        self.seconds = LEASE_SECONDS

    async def renew(self, claims: Collection[Claim]) -> frozenset[UUID]:
        self.now += self.takes
        self.steps.append("renew")
        return frozenset(claim.lease for claim in claims)

    async def release_expired(self) -> Sequence[UUID]:
        self.steps.append("release")
        return []


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> SlowLeases:
    slow = SlowLeases()
    monkeypatch.setattr(lease_keeper, "seconds_since_boot", lambda: slow.now)
    return slow


@pytest.fixture
def keeper(leases: SlowLeases) -> LeaseKeeper:
    """The lease keeper of an idle worker. The tests call its heartbeats."""
    slots = Slots(1, {}, on_free=_ignore)
    return LeaseKeeper(cast(Leases, leases), slots, on_failure=_ignore, on_recovery=_ignore)


def _ignore() -> None: ...


async def heartbeats(keeper: LeaseKeeper, leases: SlowLeases, *answers_take: float) -> Sequence[str]:
    """The statements of heartbeats in regular intervals whose answers take as long."""
    for leases.takes in answers_take:
        await keeper.tick()
        leases.now += LEASE_SECONDS / 3
    return leases.steps


async def test_an_idle_worker_asks_the_database_before_it_releases(keeper: LeaseKeeper, leases: SlowLeases) -> None:
    assert await heartbeats(keeper, leases, 0.1, 0.1) == ["renew", "release"] * 2


async def test_a_heartbeat_that_is_answered_late_releases_nothing(keeper: LeaseKeeper, leases: SlowLeases) -> None:
    steps = await heartbeats(keeper, leases, 0.1, 20, 0.1, 0.1)
    assert steps == ["renew", "release", "renew", "renew", "renew", "release"]


async def test_a_worker_that_was_frozen_between_heartbeats_releases_nothing(
    keeper: LeaseKeeper, leases: SlowLeases
) -> None:
    await heartbeats(keeper, leases, 0.1)
    leases.now += 60
    assert await heartbeats(keeper, leases, 0.1, 0.1, 0.1) == ["renew", "release", "renew", "renew", "renew", "release"]


async def test_a_worker_whose_heartbeat_failed_releases_nothing_at_first(
    keeper: LeaseKeeper, leases: SlowLeases
) -> None:
    await heartbeats(keeper, leases, 0.1)
    keeper.tick_failed(Transient("the database is away"))
    assert await heartbeats(keeper, leases, 0.1, 0.1, 0.1) == ["renew", "release", "renew", "renew", "renew", "release"]
