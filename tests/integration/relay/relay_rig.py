"""A relay between a real outbox and a real broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
from aiokafka import ConsumerRecord

from tests.fixtures.outbox import NewRow, pending, write
from waypost.engine.relay import Relay
from waypost.engine.wakeups import LocalWakeups
from waypost.kafka.producer import KafkaBroker
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.eventually import eventually
from waypost.testing.topics import read_topic


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRig:
    database: ServiceDatabase
    bootstrap: str
    topic: str
    owner: asyncpg.Connection

    async def write(self, key: str, *payloads: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """One committed row each, in that order."""
        for payload in payloads:
            await write(self.owner, NewRow(topic=self.topic, key=key.encode(), payload=payload, headers=headers))

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[Relay]:
        relay = Relay(PostgresOutbox(self.database.relay), KafkaBroker(self.bootstrap), LocalWakeups())
        await relay.start()
        try:
            async with asyncio.timeout(20):
                await relay.ready.wait()
            yield relay
        finally:
            await relay.drain(5)
            await relay.stop()

    async def until_drained(self, deadline_seconds: float = 30) -> None:
        await eventually(self._is_drained, deadline_seconds=deadline_seconds)

    async def records(self) -> Sequence[ConsumerRecord]:
        return await read_topic(self.bootstrap, self.topic)

    async def values(self) -> Sequence[bytes]:
        return [record.value for record in await self.records()]

    async def _is_drained(self) -> bool:
        return await pending(self.owner) == 0


def new_key() -> str:
    return str(uuid4())


def by_key(records: Sequence[ConsumerRecord]) -> dict[UUID, list[bytes]]:
    """Values of each key, in the order of the log, every value at its first appearance."""
    seen: dict[UUID, dict[bytes, None]] = {}
    for record in records:
        seen.setdefault(UUID(record.key.decode()), {})[record.value] = None
    return {key: list(values) for key, values in seen.items()}
