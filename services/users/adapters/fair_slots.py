"""Slots for expensive work, shared fairly between the callers that wait.

Tenants take turns, and within a tenant its networks take turns. So a flood of one tenant or network
delays another by one turn at most. A full queue drops the newest caller of the busiest queue
(McKenney, "Stochastic Fairness Queueing", 1990), so the flood is refused and not its neighbours.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta

from services.users.ports import Share
from waypost.kernel.errors import Unavailable

RETRY_AFTER = timedelta(seconds=2)


class QueueFull(Unavailable):
    """Too many callers wait."""

    def __init__(self) -> None:
        super().__init__("too many passwords of this origin are being checked; repeat the request later", RETRY_AFTER)


_Waiter = asyncio.Future[None]


class FairSlots:
    """`slots` callers at a time; `queue` more may wait."""

    def __init__(self, *, slots: int, queue: int) -> None:
        self._free = slots
        self._queue = queue
        self._waiting = 0
        # In the order of the next turn. Only tenants and networks with waiters are present.
        self._tenants: dict[Hashable, dict[Hashable, deque[_Waiter]]] = {}

    @asynccontextmanager
    async def slot(self, share: Share) -> AsyncIterator[None]:
        """Raises QueueFull, also for a caller that waits already and is dropped."""
        await self._acquire(share)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, share: Share) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._enqueue(share, waiter)
        if self._waiting > self._queue:
            self._drop()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                if waiter.exception() is None:  # the slot arrived together with the cancellation
                    self._release()
            else:
                self._remove(share, waiter)
            raise

    def _enqueue(self, share: Share, waiter: _Waiter) -> None:
        self._tenants.setdefault(share.tenant, {}).setdefault(share.network, deque()).append(waiter)
        self._waiting += 1

    def _release(self) -> None:
        """Passes the slot to the next caller in turn."""
        while self._tenants:
            tenant, networks = next(iter(self._tenants.items()))
            network, waiters = next(iter(networks.items()))
            waiter = waiters.popleft()
            self._waiting -= 1
            del networks[network], self._tenants[tenant]  # to the end of their turns
            if waiters:
                networks[network] = waiters
            if networks:
                self._tenants[tenant] = networks
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _drop(self) -> None:
        """Refuses the newest caller of the network that waits most, in the tenant that waits most.
        Of equals the last in turn is refused.
        """
        tenant = max(reversed(self._tenants), key=lambda each: sum(map(len, self._tenants[each].values())))
        networks = self._tenants[tenant]
        network = max(reversed(networks), key=lambda each: len(networks[each]))
        waiter = networks[network][-1]
        self._remove(Share(tenant=tenant, network=network), waiter)
        if not waiter.done():
            waiter.set_exception(QueueFull())

    def _remove(self, share: Share, waiter: _Waiter) -> None:
        networks = self._tenants.get(share.tenant, {})
        waiters = networks.get(share.network, deque())
        if waiter not in waiters:
            return
        waiters.remove(waiter)
        self._waiting -= 1
        if not waiters:
            del networks[share.network]
        if not networks:
            del self._tenants[share.tenant]
