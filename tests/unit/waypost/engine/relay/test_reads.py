"""How often the relay reads: once per wake-up, and again as long as rows may be left."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig, refusing
from waypost.engine.relay import Relay, state
from waypost.engine.relay.chunk import Chunk
from waypost.engine.relay.held import PartitionsHeld
from waypost.engine.relay.state import ChunkSize
from waypost.engine.relay.term import IdleBackoff
from waypost.memory.outbox import MemoryOutboxLease
from waypost.ports.broker import OutgoingRecord
from waypost.ports.outbox import PendingRow
from waypost.testing.eventually import eventually


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each read. The relay does not poll: it waits for wake-ups."""
    sizes: list[int] = []
    read = MemoryOutboxLease.read_pending

    async def counted(self: MemoryOutboxLease, *arguments: Any, **limits: Any) -> Sequence[PendingRow]:
        page = await read(self, *arguments, **limits)
        sizes.append(len(page))
        return page

    async def wait(self: IdleBackoff, wakeup: asyncio.Event) -> None:
        await wakeup.wait()

    monkeypatch.setattr(MemoryOutboxLease, "read_pending", counted)
    monkeypatch.setattr(IdleBackoff, "wait", wait)
    return sizes


async def is_held(relay: Relay) -> bool:
    try:
        await relay.makes_progress()
    except PartitionsHeld:
        return True
    return False


async def test_a_page_that_left_nothing_is_followed_by_no_read(rig: RelayRig, pages: list[int]) -> None:
    await rig.start_relay()
    for number in range(3):
        rig.write(b"key", b"%d" % number)
        await rig.until_drained()
    assert [size for size in pages if size] == [1, 1, 1]
    await eventually(lambda: rig.outbox.leases[0].held == set(range(16)))
    before = len(pages)
    rig.write(b"key", b"last")
    await rig.until_drained()
    assert pages[before:] == [1]


async def test_one_wakeup_drains_more_rows_than_a_page(rig: RelayRig, pages: list[int]) -> None:
    await rig.start_relay()
    rig.write(b"key", *(b"%d" % number for number in range(ChunkSize.MAX_ROWS)))
    await rig.until_drained()
    assert max(pages) < ChunkSize.MAX_ROWS


async def test_one_wakeup_drains_more_bytes_than_a_page(rig: RelayRig, pages: list[int]) -> None:
    await rig.start_relay()
    rig.write(b"key", *(bytes(600_000) + b"%d" % number for number in range(6)))
    await rig.until_drained()
    assert max(pages) < 6


async def test_one_wakeup_publishes_rows_behind_a_suspected_one(rig: RelayRig, pages: list[int]) -> None:
    """The suspected row is sent alone; the others are put aside."""
    rig.broker.refuses = refusing(b"bad")
    await rig.start_relay()
    rig.write(b"good", b"1", b"2")
    rig.write(b"bad", b"bad")
    rig.write(b"good", b"3")
    await rig.until_published(b"1", b"2", b"3")


async def test_the_end_of_a_hold_wakes_the_relay(
    rig: RelayRig, pages: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "HOLD_SECONDS", 0.5)
    relay = await rig.start_relay()
    rig.write(b"key", b"1", topic="users.late")
    await eventually(lambda: is_held(relay))
    rig.broker.topics.add("users.late")
    await rig.until_drained()


async def test_the_next_page_is_requested_before_the_records_of_a_page_are_built(
    rig: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    read, build = MemoryOutboxLease.read_pending, Chunk._build_record

    def noted_read(self: MemoryOutboxLease, *arguments: Any, **limits: Any) -> Awaitable[Sequence[PendingRow]]:
        begun.append("read")
        return read(self, *arguments, **limits)

    def noted_build(self: Chunk, row: PendingRow) -> OutgoingRecord:
        begun.append("build")
        return build(self, row)

    monkeypatch.setattr(MemoryOutboxLease, "read_pending", noted_read)
    monkeypatch.setattr(Chunk, "_build_record", noted_build)
    rig.write(b"key", *(b"%d" % number for number in range(2 * ChunkSize.MAX_ROWS)))
    await rig.start_relay()
    await rig.until_drained()
    assert begun[begun.index("build") - 2 :][:3] == ["read", "read", "build"]
