"""Which shards this relay publishes: a fair share of the sixteen, and no shard two relays at once."""

import asyncio

from waypost.engine.relay.in_flight import InFlight
from waypost.kernel.partitioning import SHARDS
from waypost.ports.outbox import OutboxLease

REBALANCE_SECONDS = 0.25
"""Also the heartbeat of the lease's session: peers end one that has said nothing for 3 s."""


class Ownership:
    def __init__(self, lease: OutboxLease, in_flight: InFlight, wakeup: asyncio.Event) -> None:
        self.owned: frozenset[int] = frozenset()
        self._retiring: frozenset[int] = frozenset()
        self._lease = lease
        self._in_flight = in_flight
        self._wakeup = wakeup

    @property
    def readable(self) -> frozenset[int]:
        """Those that new rows may be read from."""
        return self.owned - self._retiring

    async def keep(self) -> None:
        """Rebalances for ever. Raises Transient when the lease is lost."""
        while True:
            await self.rebalance()
            await asyncio.sleep(REBALANCE_SECONDS)

    async def rebalance(self) -> None:
        share = fair_share(await self._lease.live_relays())
        await self._give_back(share)
        await self._take_up(share)

    async def _give_back(self, share: int) -> None:
        """What is too much is read no more from now on, and released once nothing of it is in hand."""
        self._retiring = frozenset(sorted(self.owned)[share:])
        free = self._retiring - self._in_flight.shards
        if free:
            self.owned -= free
            self._retiring -= free
            await self._lease.release(free)

    async def _take_up(self, share: int) -> None:
        missing = share - len(self.owned)
        if missing <= 0:
            return
        gained = await self._lease.acquire(frozenset(range(SHARDS)) - self.owned, at_most=missing)
        if gained:
            self.owned |= gained
            self._wakeup.set()


def fair_share(live_relays: int) -> int:
    """Shards that one of so many relays may hold; rounded up, so that none is left over."""
    return -(-SHARDS // max(live_relays, 1))
