"""A poll waits long for records, and its partition's task does not wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from waypost.kafka.consumer import KafkaSubscription, _Listener
from waypost.ports.subscription import Partition

PARTITION = Partition("users.user", 3)
FOR_EVER = 3600.0


class WaitingClient:
    """Has no records."""

    def __init__(self) -> None:
        self.polled = asyncio.Event()

    async def getmany(self, *_: Any, **__: Any) -> None:
        self.polled.set()
        await asyncio.Event().wait()

    async def stop(self) -> None: ...


class NothingRuns:
    async def revoked(self) -> None: ...

    async def assigned(self, partitions: frozenset[Partition]) -> None: ...


async def revoke(subscription: KafkaSubscription) -> None:
    await _Listener(subscription, NothingRuns()).on_partitions_revoked(set())


async def end_polls(subscription: KafkaSubscription) -> None:
    subscription.end_polls()


@pytest.mark.parametrize("end", [revoke, end_polls, KafkaSubscription.leave], ids=lambda end: end.__name__)
async def test_a_poll_is_ended(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[KafkaSubscription], Awaitable[None]]
) -> None:
    subscription, client = KafkaSubscription("unused:9092", "club.members"), WaitingClient()
    monkeypatch.setattr(subscription, "_client", client)
    poll = asyncio.create_task(subscription.poll(PARTITION, max_records=1, timeout_seconds=FOR_EVER))
    await client.polled.wait()
    await end(subscription)
    assert await poll == []
