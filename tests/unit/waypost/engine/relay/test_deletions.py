"""Deletion of acknowledged rows: together with little traffic, at once with much."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig
from waypost.engine.relay import deletions
from waypost.engine.relay.deletions import Deletions
from waypost.memory.outbox import MemoryOutboxLease
from waypost.ports.broker import OutgoingRecord
from waypost.ports.outbox import PendingRow
from waypost.testing.eventually import eventually


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[bytes]]:
    """The payloads of each statement."""
    statements: list[Sequence[bytes]] = []
    delete = MemoryOutboxLease.delete

    async def noted(self: MemoryOutboxLease, rows: Sequence[PendingRow]) -> int:
        count = await delete(self, rows)
        statements.append([row.payload for row in rows])
        return count

    monkeypatch.setattr(MemoryOutboxLease, "delete", noted)
    return statements


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Ends the time in which rows are gathered."""
    event = asyncio.Event()

    async def gather(self: Deletions) -> None:
        await event.wait()

    monkeypatch.setattr(Deletions, "_gather", gather)
    return event


async def test_rows_acknowledged_one_after_the_other_are_deleted_together(
    rig: RelayRig, deleted: list[Sequence[bytes]], gathered: asyncio.Event
) -> None:
    await rig.start_relay()
    for payload in (b"1", b"2", b"3"):
        rig.write(b"key", payload)
        await rig.until_published(payload)
    assert deleted == []
    gathered.set()
    await rig.until_drained()
    assert deleted == [[b"1", b"2", b"3"]]


async def test_many_rows_are_deleted_at_once(
    rig: RelayRig, deleted: list[Sequence[bytes]], gathered: asyncio.Event
) -> None:
    await rig.start_relay()
    for number in range(deletions.MANY_ROWS):
        rig.write(b"%d" % number, b"1")
    await rig.until_drained()
    assert len(deleted) == 1


async def test_gathered_rows_are_deleted_when_another_chunk_ends_the_term(
    rig: RelayRig, deleted: list[Sequence[bytes]], gathered: asyncio.Event
) -> None:
    relay = await rig.start_relay()
    rig.write(b"key", b"1")
    await rig.until_published(b"1")
    rig.broker.reachable = False
    rig.write(b"other", b"2")
    for _ in range(20):
        await asyncio.sleep(0)  # lets the term end
    gathered.set()
    await eventually(lambda: relay.failures > 0)
    assert deleted == [[b"1"]]
    assert rig.published() == [b"1"]


async def test_gathered_rows_are_deleted_when_another_chunk_is_refused(
    rig: RelayRig, deleted: list[Sequence[bytes]], gathered: asyncio.Event
) -> None:
    await rig.start_relay()
    rig.write(b"key", b"1")
    await rig.until_published(b"1")
    refused = asyncio.Event()

    def refuse(record: OutgoingRecord) -> bool:
        refused.set()
        return True

    rig.broker.refuses = refuse
    rig.write(b"other", b"2")
    await refused.wait()
    for _ in range(20):
        await asyncio.sleep(0)  # lets the term end
    gathered.set()
    await eventually(lambda: b"other" in rig.outbox.marked)
    assert deleted == [[b"1"]]
    assert rig.published() == [b"1"]
