"""A relay is ready when its first read has returned, which may wait for standbys."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig
from waypost.engine.relay import Relay
from waypost.memory.outbox import MemoryOutboxLease
from waypost.ports.outbox import PendingRow


class Standbys:
    """Confirms the rows of a read when a test sets the event."""

    def __init__(self) -> None:
        self.waited_for = asyncio.Event()
        self.confirmed = asyncio.Event()


@pytest.fixture
def standbys(monkeypatch: pytest.MonkeyPatch) -> Standbys:
    standbys, read = Standbys(), MemoryOutboxLease.read_pending

    async def read_and_wait(self: MemoryOutboxLease, *arguments: Any, **limits: Any) -> Sequence[PendingRow]:
        pending = await read(self, *arguments, **limits)
        if pending:
            standbys.waited_for.set()
            await standbys.confirmed.wait()
        return pending

    monkeypatch.setattr(MemoryOutboxLease, "read_pending", read_and_wait)
    return standbys


async def start(rig: RelayRig) -> Relay:
    """Starts a relay that has a row to read at once."""
    rig.write(b"key", b"1")
    rig.relays.append(relay := Relay(rig.outbox, rig.broker, rig.wakeups))
    async with rig.outbox.lease() as other:
        await other.acquire(range(16), at_most=16)
        await relay.start()
        async with asyncio.timeout(5):
            await relay.ready.wait()
        relay.ready.clear()
    return relay


async def test_relay_becomes_ready_when_the_standbys_have_confirmed(rig: RelayRig, standbys: Standbys) -> None:
    relay = await start(rig)
    async with asyncio.timeout(5):
        await standbys.waited_for.wait()
        assert not relay.ready.is_set()
        standbys.confirmed.set()
        await relay.ready.wait()
    await rig.until_drained()


async def test_relay_that_drains_while_it_waits_for_standbys_does_not_become_ready(
    rig: RelayRig, standbys: Standbys
) -> None:
    relay = await start(rig)
    async with asyncio.timeout(5):
        await standbys.waited_for.wait()
    draining = asyncio.create_task(relay.drain(5))
    await asyncio.sleep(0)  # lets the drain begin
    standbys.confirmed.set()
    await draining
    assert not relay.ready.is_set()
