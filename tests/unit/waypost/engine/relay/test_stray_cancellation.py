"""An operation below the relay that is cancelled by something else is an error like any other: the
term ends, and the next one does the work. Found by `make simulate`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.unit.waypost.engine.relay.rig import RelayRig
from waypost.memory.broker import MemoryPartitionSender, MemoryPublisher
from waypost.memory.outbox import MemoryOutboxLease

Method = Callable[..., Awaitable[Any]]


def once_cancelled(method: Method) -> Method:
    """The first call ends as if something under it had been cancelled."""
    calls = 0

    async def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise asyncio.CancelledError
        return await method(*arguments, **named)

    return call


@pytest.mark.parametrize(
    ("port", "operation"),
    [
        (MemoryPublisher, "partitions"),
        (MemoryPartitionSender, "send"),
        (MemoryOutboxLease, "delete"),
        (MemoryOutboxLease, "read_pending"),
        (MemoryOutboxLease, "acquire"),
        (MemoryOutboxLease, "end_silent_relays"),
    ],
)
async def test_rows_are_published_and_deleted(
    rig: RelayRig, monkeypatch: pytest.MonkeyPatch, port: type, operation: str
) -> None:
    monkeypatch.setattr(port, operation, once_cancelled(getattr(port, operation)))
    await rig.start_relay()
    rig.write(b"key", b"1", b"2")
    await rig.until_published(b"1", b"2")
    await rig.until_drained()


async def test_error_of_a_deletion_that_no_chunk_awaits_is_not_reported_as_lost(rig: RelayRig) -> None:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: lost.append(problem))
    try:
        relay = await rig.start_relay()
        rig.outbox.deleting.clear()
        rig.write(b"key", b"1")
        await rig.until_published(b"1")
        rig.outbox.lose_sessions()
        rig.write(b"other", b"2")
        await asyncio.sleep(0)
        stopping = asyncio.create_task(relay.stop())
        for _ in range(5):
            await asyncio.sleep(0)
        rig.outbox.deleting.set()
        await stopping
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert lost == []
