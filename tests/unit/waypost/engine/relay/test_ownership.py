"""The shards of a relay as others join and leave."""

import asyncio
from collections.abc import Collection

import pytest

from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.ownership import ALONE_SECONDS, REBALANCE_SECONDS, Ownership
from waypost.kernel.partitioner import SHARDS
from waypost.memory.outbox import MemoryOutbox, MemoryOutboxLease


class SharedLease(MemoryOutboxLease):
    relays = 1

    async def end_silent_relays(self) -> int:
        return self.relays


async def test_shards_that_were_to_be_released_wake_the_relay_when_they_are_kept() -> None:
    """Wake-ups for their rows may have arrived while they were not read."""
    lease, in_flight, wakeup = SharedLease(MemoryOutbox()), InFlight(), asyncio.Event()
    ownership = Ownership(lease, in_flight, wakeup)
    await ownership.rebalance()
    assert wakeup.is_set()
    every_shard: Collection[int] = range(SHARDS)
    with in_flight.reading(every_shard):
        lease.relays = 2
        await ownership.rebalance()
        assert len(ownership.readable) == SHARDS / 2
        wakeup.clear()
        await ownership.rebalance()
        assert not wakeup.is_set()
        lease.relays = 1
        await ownership.rebalance()
    assert len(ownership.readable) == SHARDS
    assert wakeup.is_set()


async def test_only_a_relay_that_is_alone_pauses_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that may have to acquire the shards of a killed one asks more often."""
    lease, pauses = SharedLease(MemoryOutbox()), list[float]()

    async def pause(seconds: float) -> None:
        if seconds == 0:  # the lease gives way to other tasks
            return
        pauses.append(seconds)
        lease.relays = 2
        if len(pauses) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", pause)
    with pytest.raises(asyncio.CancelledError):
        await Ownership(lease, InFlight(), asyncio.Event()).maintain()
    assert pauses == [ALONE_SECONDS, REBALANCE_SECONDS]
