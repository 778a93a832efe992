"""Attempts of the relay's sender: they wait for no other partition, and all of them end."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, NotEnoughReplicasError, ProducerClosed
from aiokafka.producer.message_accumulator import MessageBatch

from waypost.kafka import isolating_sender
from waypost.kafka.isolating_sender import IsolatingSender
from waypost.kafka.record_batch import FastBatch
from waypost.kernel.backoff import Backoff
from waypost.testing.eventually import eventually

FROZEN, HEALTHY = 1, 2
PARTITIONS = 4


class SilentServer:
    """Accepts connections, and never answers."""

    def __init__(self) -> None:
        self.accepted = 0
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        await reader.read(-1)
        writer.close()


class Cluster:
    unauthorized_topics: frozenset[str] = frozenset()

    def __init__(self, servers: dict[int, SilentServer]) -> None:
        self._servers = servers

    def leader_for_partition(self, partition: TopicPartition) -> int:
        return HEALTHY if partition.partition == 0 else FROZEN

    def broker_metadata(self, node: int) -> Any:
        return SimpleNamespace(host="127.0.0.1", port=self._servers[node].port)


async def answered() -> bool:
    return True


@pytest.fixture
async def servers() -> AsyncIterator[dict[int, SilentServer]]:
    servers = {FROZEN: SilentServer(), HEALTHY: SilentServer()}
    started = [await each.start() for each in servers.values()]
    yield servers
    for server in started:
        server.close()


@pytest.fixture
async def sender(servers: dict[int, SilentServer], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IsolatingSender]:
    monkeypatch.setattr(isolating_sender, "OUTAGE_BACKOFF", Backoff(first_seconds=0.001, factor=1.0, max_seconds=0.001))
    producer = AIOKafkaProducer(bootstrap_servers="localhost:1", enable_idempotence=True, request_timeout_ms=60_000)
    monkeypatch.setattr(producer.client, "cluster", Cluster(servers))
    monkeypatch.setattr(producer.client, "force_metadata_update", answered)
    sender = IsolatingSender(producer)
    yield sender
    await sender.end_attempts()
    await producer.client.close()
    producer._closed = True  # it was never started


def batch_for(number: int) -> MessageBatch:
    batch = MessageBatch(TopicPartition("users.user", number), FastBatch(1_000), 60, 0)
    batch.drain_ready()
    return batch


async def test_an_attempt_waits_for_no_connection_of_another_one(
    sender: IsolatingSender, servers: dict[int, SilentServer]
) -> None:
    for number in reversed(range(PARTITIONS)):
        sender._begin_attempts(batch_for(number), NotEnoughReplicasError())

    async def all_are_opened() -> bool:
        return (servers[FROZEN].accepted, servers[HEALTHY].accepted) == (PARTITIONS - 1, 1)

    await eventually(all_are_opened)


async def test_other_connections_are_opened_once(sender: IsolatingSender, servers: dict[int, SilentServer]) -> None:
    waiting = [asyncio.create_task(sender.client.ready(FROZEN)) for _ in range(2)]

    async def one_is_opened() -> bool:
        return servers[FROZEN].accepted == 1 and sender.client._get_conn_lock.locked()

    await eventually(one_is_opened)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert servers[FROZEN].accepted == 1
    assert not sender.client._get_conn_lock.locked()


async def test_attempts_that_begin_at_the_end_are_ended(
    sender: IsolatingSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of a request arrives while the others end."""
    late = [batch_for(0)]

    def begin_late(_: TopicPartition) -> None:
        if late:
            sender._begin_attempts(late.pop(), NotEnoughReplicasError())

    monkeypatch.setattr(sender, "_close_connections_of", begin_late)
    sender._begin_attempts(batch_for(1), NotEnoughReplicasError())
    await asyncio.sleep(0)
    await sender.end_attempts()
    assert not late
    assert not sender._attempts


async def test_a_batch_that_failed_during_the_pause_is_not_sent_again(
    sender: IsolatingSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, sent = batch_for(0), list[MessageBatch]()

    async def pause(*_: Any) -> None:
        batch.failure(ProducerClosed())

    async def attempt(again: MessageBatch) -> KafkaConnectionError:
        sent.append(again)
        return KafkaConnectionError()

    monkeypatch.setattr(sender, "_pause", pause)
    monkeypatch.setattr(sender, "_attempt", attempt)
    await sender._send_alone(batch, NotEnoughReplicasError())
    assert sent == []
    assert isinstance(batch.future.exception(), ProducerClosed)
