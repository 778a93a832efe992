"""The shards that this relay publishes: a fair share of the sixteen, each owned by one relay at a
time. A shard is released when none of its rows is in flight.
"""

import asyncio

from waypost.engine.periodic_loop import stray_cancellation_as_error
from waypost.engine.relay.in_flight import InFlight
from waypost.kernel.partitioner import SHARDS
from waypost.ports.outbox import OutboxLease

REBALANCE_SECONDS = 0.5
"""Pause between rebalances while there are other relays: a killed one's shards are acquired within
this time. Also the heartbeat of the lease's session: other relays end a session that was silent for
3 s.
"""
ALONE_SECONDS = 1.0
"""Pause between rebalances of a relay that is alone. It owns every shard, and releases some when
another relay appears.
"""


class Ownership:
    """Acquires and releases shards of one lease as relays join and leave."""

    def __init__(self, lease: OutboxLease, in_flight: InFlight, wakeup: asyncio.Event) -> None:
        self.owned: frozenset[int] = frozenset()
        self._retiring: frozenset[int] = frozenset()
        self._lease = lease
        self._in_flight = in_flight
        self._wakeup = wakeup

    @property
    def readable(self) -> frozenset[int]:
        """Shards from which new rows may be read."""
        return self.owned - self._retiring

    async def maintain(self) -> None:
        """Rebalances until cancelled. Raises Transient when the lease is lost."""
        while True:
            with stray_cancellation_as_error():
                live_relays = await self.rebalance()
            owns_all = live_relays <= 1 and len(self.owned) == SHARDS
            await asyncio.sleep(ALONE_SECONDS if owns_all else REBALANCE_SECONDS)

    async def rebalance(self) -> int:
        """Adjusts the owned shards to the current number of relays, and returns it. Raises
        Transient.
        """
        before = self.readable
        live_relays = await self._lease.end_silent_relays()
        share = fair_share(live_relays)
        await self._release_surplus(share)
        await self._acquire_missing(share)
        if self.readable - before:  # also a shard that was to be released, and is kept
            self._wakeup.set()
        return live_relays

    async def _release_surplus(self, share: int) -> None:
        """Stops reading surplus shards, and releases each once none of its rows is in flight. One
        with rows of a slow partition is read until then: its other rows would wait as long.
        """
        self._retiring = frozenset(sorted(self.owned)[share:]) - self._in_flight.slow_shards()
        free = self._retiring - self._in_flight.shards
        if free:
            self.owned -= free
            self._retiring -= free
            await self._lease.release(free)

    async def _acquire_missing(self, share: int) -> None:
        missing = share - len(self.owned)
        if missing <= 0:
            return
        self.owned |= await self._lease.acquire(frozenset(range(SHARDS)) - self.owned, at_most=missing)


def fair_share(live_relays: int) -> int:
    """The number of shards per relay, rounded up so that every shard has an owner."""
    return -(-SHARDS // max(live_relays, 1))
