"""Leaving a consumer group while the client closes slowly."""

import asyncio

import pytest

from waypost.kafka import consumer
from waypost.kafka.consumer import KafkaSubscription


class SlowClient:
    """Its stop ends only after it was cancelled and released."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.released = asyncio.Event()

    async def stop(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            await self.released.wait()


async def test_leave_that_is_cancelled_while_the_client_closes_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "CLOSE_SECONDS", 0)
    subscription, client = KafkaSubscription("unused:9092", "club.members"), SlowClient()
    monkeypatch.setattr(subscription, "_client", client)
    leaving = asyncio.create_task(subscription.leave())
    await client.cancelled.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    client.released.set()
    assert leaving.cancelled()
