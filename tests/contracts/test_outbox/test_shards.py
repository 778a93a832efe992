"""Behaviour of every outbox: shards and sessions."""

from collections.abc import Callable, Coroutine

import pytest

from tests.contracts.outboxes import OutboxUnderTest
from tests.contracts.test_outbox.queries import ALL, read_pending
from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import SHARDS
from waypost.ports.outbox import OutboxLease
from waypost.testing.eventually import eventually


async def test_key_of_a_shard_held_by_another_is_not_quarantined(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as one, under_test.outbox.lease() as other:
        (row,) = await one.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        await other.acquire(ALL, at_most=SHARDS)
        assert not await one.quarantine_key(row, "too large")
        assert await other.quarantine_key(row, "too large")


async def test_shard_has_one_holder(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as one, under_test.outbox.lease() as other:
        assert await one.acquire(ALL, at_most=10) < ALL
        rest = await other.acquire(ALL, at_most=10)
        assert len(rest) == SHARDS - 10
        await other.release(rest)
        assert await one.acquire(rest, at_most=SHARDS) == rest


async def test_end_of_a_lease_releases_its_shards(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as other:
        async with under_test.outbox.lease() as one:
            await one.acquire(ALL, at_most=SHARDS)
            assert await other.end_silent_relays() == 2
        await eventually(lambda: _alone(other))
        assert await other.acquire(ALL, at_most=SHARDS) == ALL


async def test_silent_holder_loses_its_shards_and_cannot_delete(under_test: OutboxUnderTest) -> None:
    await under_test.add(b"a")
    async with under_test.outbox.lease() as frozen, under_test.outbox.lease() as other:
        await frozen.acquire(ALL, at_most=SHARDS)
        rows = await frozen.read_pending(ALL, in_flight=(), held=(), rows_per_shard=1, bytes_per_shard=1)
        under_test.become_silent(frozen)
        await eventually(lambda: _alone(other))
        await eventually(taking_all(other))
        with pytest.raises(Transient):
            await frozen.delete(rows)
        assert await read_pending(other) == [row.id for row in rows]


async def test_lost_session_raises_transient(under_test: OutboxUnderTest) -> None:
    async with under_test.outbox.lease() as lease:
        await under_test.lose_sessions()
        with pytest.raises(Transient):
            await lease.end_silent_relays()
        with pytest.raises(Transient):
            await read_pending(lease)
    async with under_test.outbox.lease() as fresh:
        assert await fresh.acquire(ALL, at_most=SHARDS) == ALL


async def _alone(lease: OutboxLease) -> bool:
    return await lease.end_silent_relays() == 1


def taking_all(lease: OutboxLease) -> Callable[[], Coroutine[None, None, bool]]:
    held: set[int] = set()

    async def take() -> bool:
        held.update(await lease.acquire(ALL - held, at_most=SHARDS))
        return held == ALL

    return take
