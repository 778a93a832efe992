"""A term that ends leaves nothing behind."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from waypost.engine.relay.chunk import Chunk
from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.term import IdleBackoff
from waypost.ports.outbox import PendingRow

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
    chunks = [Chunk([PendingRow(0, row_id, "users.user", b"a", b"1", "{}", 0)]) for row_id in (1, 2, 3)]
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
