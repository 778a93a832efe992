"""The application's topics on the cluster, for operators: retention and offsets per partition."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from waypost.kafka.consumer import CLOSE_SECONDS, RESPONSE_SECONDS, answered
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kafka.topics import reaching
from waypost.kernel.errors import NotFound
from waypost.ports.subscription import Partition
from waypost.project import from_cluster, is_ours, on_cluster

_SETTINGS = ("cleanup.policy", "retention.ms", "retention.bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offsets:
    """Offsets of one partition: `low` of the oldest record, `high` of the next record to be
    written.
    """

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogedTopic:
    """Retention and offsets of one topic."""

    name: str
    cleanup_policy: str
    retention_ms: int
    """-1: no limit of age."""
    retention_bytes: int
    """-1: no limit of size."""
    partitions: Mapping[int, Offsets]


async def partitions_of(bootstrap: str) -> Mapping[str, Sequence[Partition]]:
    """The partitions of every topic of the application, by the topic's name. Raises Transient."""
    async with _admin(bootstrap) as admin:
        return await _partitions(admin)


async def catalog(bootstrap: str) -> Sequence[CatalogedTopic]:
    """Every topic of the application, by name. Raises Transient."""
    async with _admin(bootstrap) as admin:
        partitions = await _partitions(admin)
        settings = await _settings(admin, sorted(partitions))
    offsets = await _offsets(bootstrap, [partition for topic in partitions.values() for partition in topic])
    return [
        CatalogedTopic(
            name=name,
            cleanup_policy=settings[name]["cleanup.policy"],
            retention_ms=int(settings[name]["retention.ms"]),
            retention_bytes=int(settings[name]["retention.bytes"]),
            partitions={partition.number: offsets[partition] for partition in partitions[name]},
        )
        for name in sorted(partitions)
    ]


def chosen_from(partitions: Mapping[str, Sequence[Partition]], topics: Sequence[str]) -> Sequence[Partition]:
    """The partitions of the named topics. Raises NotFound, with the existing names, for an unknown
    topic.
    """
    for topic in topics:
        if topic not in partitions:
            raise NotFound(
                f"topic {topic!r} does not exist; existing topics: {', '.join(sorted(partitions)) or 'none'}"
            )
    return [partition for topic in topics for partition in partitions[topic]]


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        with reaching(bootstrap):
            async with asyncio.timeout(RESPONSE_SECONDS):
                await client.start()
        yield client
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()


async def _partitions(admin: AIOKafkaAdminClient) -> Mapping[str, Sequence[Partition]]:
    async with answered("its topics"):
        described = await admin.describe_topics()
    return {
        name: sorted(Partition(name, partition["partition"]) for partition in topic["partitions"])
        for topic in described
        for name in [from_cluster(topic["topic"])]
        if not topic["is_internal"] and is_ours(topic["topic"])
    }


async def _settings(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    if not topics:
        return {}
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, on_cluster(name), dict.fromkeys(_SETTINGS, "")) for name in topics
    ]
    async with answered("settings of topics"):
        answers = await admin.describe_configs(resources)
    resources = [resource for answer in answers for resource in answer.resources]
    return {from_cluster(name): {setting: value for setting, value, *_ in entries} for *_, name, entries in resources}


async def _offsets(bootstrap: str, partitions: Sequence[Partition]) -> Mapping[Partition, Offsets]:
    """Reads no records: a fetch that finds none would delay the answers by half a second."""
    async with KafkaTopicLogs(bootstrap, paused=True).opened(partitions) as log:
        lows, highs = await log.first_offsets(), await log.end_offsets()
    return {partition: Offsets(low=lows[partition], high=highs[partition]) for partition in partitions}
