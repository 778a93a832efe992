"""A term that ends leaves nothing behind."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig, chunk_of
from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.state import RelayState
from waypost.engine.relay.term import IdleBackoff, Term
from waypost.ports.broker import OutgoingRecord
from waypost.ports.outbox import PendingRow
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually

Wait = tuple[Coroutine[None, None, None], Callable[[], object]]


def idle_pauses() -> Wait:
    wakeup, backoff = asyncio.Event(), IdleBackoff()

    async def stay_idle() -> None:
        while True:
            wakeup.clear()
            await backoff.wait(wakeup)

    return stay_idle(), wakeup.set


def wait_for_chunks() -> Wait:
    in_flight = InFlight()
    chunks = [chunk_of(PendingRow(0, row_id, "users.user", b"a", b"1", "{}", 0)) for row_id in (1, 2, 3)]
    for chunk in chunks:
        in_flight.add(chunk)
    return in_flight.until_at_most(1), lambda: in_flight.remove(chunks[0])


@pytest.mark.parametrize("begin", [idle_pauses, wait_for_chunks])
async def test_wait_that_ends_as_it_is_cancelled_does_not_lose_the_cancellation(begin: Callable[[], Wait]) -> None:
    """Otherwise the term reads on after its first error."""
    wait, end = begin()
    waiting = asyncio.create_task(wait)
    for _ in range(3):
        await asyncio.sleep(0)  # lets the wait begin
    end()
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()


async def test_sends_end_with_their_term(rig: RelayRig) -> None:
    """Also one that waits behind an earlier chunk of its topic."""
    sends: list[asyncio.Task[None] | None] = []

    class SilentPublisher:
        held_because = None

        async def partitions(self, topic: str) -> int:
            return 1

        def sender(self, partition: Partition) -> "SilentPublisher":
            return self

        async def send(self, records: Sequence[OutgoingRecord]) -> None:
            sends.append(asyncio.current_task())
            await asyncio.Event().wait()

    wakeup = rig.wakeups.subscribe("outbox")
    async with rig.outbox.lease() as lease:
        term = Term(RelayState(wakeup), wakeup, asyncio.Event(), asyncio.Event())
        running = asyncio.create_task(term.run(lease, SilentPublisher()))
        rig.write(b"a", b"1")
        await eventually(lambda: len(sends) == 1)
        rig.write(b"a", b"2")
        await eventually(lambda: len(sends) == 2)
        running.cancel()
        await asyncio.wait([running])
    await eventually(lambda: all(send and send.cancelled() for send in sends), deadline_seconds=1)
