"""A link that swallows packets: each request of a command ends with an error on this side, and the
next one succeeds when the link works again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.consumer.subscription_state import TopicPartitionState

from tests.fixtures.proxied_kafka import ProxiedKafka
from waypost.kafka import catalog, consumer, topic_creation
from waypost.kafka.catalog import partitions_of
from waypost.kafka.consumer import named
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kernel.errors import Transient
from waypost.kernel.topic import Topic
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually
from waypost.testing.topics import create_topic, unique

WAIT_SECONDS = 15
"""Far shorter than the limits of aiokafka."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "RESPONSE_SECONDS", 0.5)
    monkeypatch.setattr(catalog, "RESPONSE_SECONDS", 0.5)
    monkeypatch.setattr(topic_creation, "CREATION_SECONDS", 0.5)


async def created(kafka: ProxiedKafka) -> Sequence[Partition]:
    name = await create_topic(kafka.bootstrap, unique("users.user"), partitions=2)
    return [Partition(name, number) for number in range(2)]


async def position_after_a_reset(log: KafkaTopicLog) -> object:
    """As after the deletion of the first records."""
    partition = log._partitions[0]
    state: TopicPartitionState = log._client._subscription.subscription.assignment.state_value(named(partition))
    state.await_reset(OffsetResetStrategy.EARLIEST)
    return await log.position(partition)


REQUESTS: dict[str, Callable[[KafkaTopicLog], Awaitable[object]]] = {
    "end offsets": lambda log: log.end_offsets(),
    "first offsets": lambda log: log.first_offsets(),
    "offsets by time": lambda log: log.offsets_since(datetime.now(UTC)),
    "position": position_after_a_reset,
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_request_of_a_topic_log_ends(
    proxied_kafka: ProxiedKafka, request_: Callable[[KafkaTopicLog], Awaitable[object]]
) -> None:
    async with KafkaTopicLogs(proxied_kafka.proxy.address).opened(await created(proxied_kafka)) as log:
        await eventually(lambda: succeeds(log.end_offsets()), deadline_seconds=30)
        proxied_kafka.proxy.become_silent()
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(Transient):
                await request_(log)
        await proxied_kafka.proxy.heal()
        await eventually(lambda: succeeds(request_(log)), deadline_seconds=30)


async def succeeds(request_: Awaitable[object]) -> bool:
    try:
        await request_
    except Transient:
        return False
    return True


async def test_read_of_a_topic_log_ends(proxied_kafka: ProxiedKafka) -> None:
    async with KafkaTopicLogs(proxied_kafka.proxy.address).opened(await created(proxied_kafka)) as log:
        await eventually(lambda: succeeds(log.end_offsets()), deadline_seconds=30)
        proxied_kafka.proxy.become_silent()
        async with asyncio.timeout(WAIT_SECONDS):
            assert await log.read_any(max_records=1, timeout_seconds=0.2) == []


async def test_catalog_ends(proxied_kafka: ProxiedKafka) -> None:
    proxied_kafka.proxy.become_silent()
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(Transient):
            await partitions_of(proxied_kafka.proxy.address)


async def test_creation_of_topics_ends(proxied_kafka: ProxiedKafka) -> None:
    topic = Topic(name=unique("users.user"), purpose="a test", partitions=1, replication=1, configuration={})
    proxied_kafka.proxy.become_silent()
    async with asyncio.timeout(WAIT_SECONDS):
        with pytest.raises(Transient):
            await ensure_topics(proxied_kafka.proxy.address, [topic])
