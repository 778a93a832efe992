"""Slots for hashing: turns between tenants and networks, and the bound of the queue."""

import asyncio
from collections.abc import Sequence

import pytest

from services.users.adapters.fair_slots import FairSlots, QueueFull
from services.users.ports import Share


class Work:
    """Callers of one set of slots. Each holds its slot until `finish` lets it go."""

    def __init__(self, *, slots: int, queue: int) -> None:
        self.slots = FairSlots(slots=slots, queue=queue)
        self.begun: list[Share] = []
        self.refused: list[Share] = []
        self._running: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def call(self, *shares: Share) -> None:
        for share in shares:
            self.tasks.append(asyncio.create_task(self._work(share)))
        await self.settle()

    async def _work(self, share: Share) -> None:
        try:
            async with self.slots.slot(share):
                self.begun.append(share)
                done = asyncio.Event()
                self._running.append(done)
                await done.wait()
        except QueueFull:
            self.refused.append(share)

    async def finish(self) -> Sequence[Share]:
        """Ends all work, one after the other, and returns the order in which it began."""
        while self._running:
            self._running.pop(0).set()
            await self.settle()
        return self.begun

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


A, B, C = (Share(tenant=name, network=f"of {name}") for name in "abc")


async def test_a_tenant_waits_one_turn_behind_the_flood_of_another() -> None:
    work = Work(slots=1, queue=64)
    await work.call(*[A] * 50, B, C)
    order = list(await work.finish())
    assert (order.index(B), order.index(C)) == (2, 3)  # one runs, one of the flood is next in turn
    assert len(order) == 52


async def test_networks_of_a_tenant_take_turns_too() -> None:
    work = Work(slots=1, queue=64)
    flood, person = Share(tenant="a", network=1), Share(tenant="a", network=2)
    await work.call(*[flood] * 50, person)
    assert list(await work.finish()).index(person) == 2


async def test_a_full_queue_refuses_the_flood_and_not_its_neighbour() -> None:
    work = Work(slots=1, queue=8)
    await work.call(*[A] * 30)
    assert work.refused == [A] * 21
    await work.call(B, C, B)
    assert set(work.refused) == {A}
    await work.call(*[A] * 10)
    order = await work.finish()
    assert set(work.refused) == {A}
    assert (order.count(B), order.count(C)) == (2, 1)


async def test_within_a_tenant_the_flooding_network_is_refused() -> None:
    work = Work(slots=1, queue=4)
    flood, person = Share(tenant="a", network=1), Share(tenant="a", network=2)
    await work.call(*[flood] * 10, person)
    await work.call(*[flood] * 10)
    assert set(work.refused) == {flood}
    assert person in await work.finish()


async def test_requests_without_a_tenant_share_one_turn() -> None:
    work = Work(slots=1, queue=64)
    await work.call(*[Share(network=number) for number in range(50)], A)
    assert list(await work.finish()).index(A) == 2


@pytest.mark.parametrize("granted", [False, True])
async def test_a_caller_that_leaves_gives_its_place_back(granted: bool) -> None:
    work = Work(slots=1, queue=2)
    await work.call(A, A, B)
    if granted:  # the slot arrives in the same round of the loop as the cancellation
        work._running.pop(0).set()
        await asyncio.sleep(0)
    work.tasks[1].cancel()
    await work.settle()
    assert work.slots._waiting == (0 if granted else 1)
    await work.call(C)
    assert {B, C} <= set(await work.finish())
    assert (work.slots._free, work.slots._waiting, work.slots._tenants) == (1, 0, {})


async def test_a_refused_caller_that_is_canceled_gives_no_slot_back() -> None:
    work = Work(slots=1, queue=2)
    await work.call(A, A, A)
    dropping = asyncio.create_task(work._work(B))
    await asyncio.sleep(0)  # refuses the waiting caller, which has not noticed yet
    work.tasks[2].cancel()
    await work.settle()
    assert set(await work.finish()) == {A, B}
    await dropping
    assert work.slots._free == 1
