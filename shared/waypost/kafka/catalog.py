"""The application's topics on the cluster, for operators: retention and offsets per partition."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.consumer import CLOSE_SECONDS, RESPONSE_SECONDS, answered
from waypost.kafka.refusals import reaching
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.errors import NotFound
from waypost.kernel.topic import MIN_INSYNC_REPLICAS
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition
from waypost.project import from_cluster, is_ours, on_cluster

_SETTINGS = ("cleanup.policy", "retention.ms", "retention.bytes", "max.compaction.lag.ms", MIN_INSYNC_REPLICAS)

NO_LEADER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Offsets:
    """Offsets of one partition: `low` of the oldest record, `high` of the next record to be
    written.
    """

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogedTopic:
    """Replicas, retention and offsets of one topic."""

    name: str
    cleanup_policy: str
    retention_ms: int
    """-1: no limit of age."""
    retention_bytes: int
    """-1: no limit of size."""
    max_compaction_lag_ms: int
    """How long a compacted topic may keep a replaced record; 2**63 - 1: no limit."""
    replication: int
    """The smallest number of replicas of its partitions."""
    in_sync: int
    """The smallest number of replicas that are in sync."""
    min_insync_replicas: int
    leaderless: Sequence[int]
    """Partitions that take no records, because none of their brokers runs. They have no offsets."""
    partitions: Mapping[int, Offsets]


async def partitions_of(bootstrap: Brokers) -> Mapping[str, Sequence[Partition]]:
    """The partitions of every topic of the application, by the topic's name. Raises Transient."""
    async with _admin(bootstrap) as admin:
        return {name: _partitions(name, topic) for name, topic in (await _described(admin)).items()}


async def catalog(bootstrap: Brokers) -> Sequence[CatalogedTopic]:
    """Every topic of the application, by name. Raises Transient."""
    async with _admin(bootstrap) as admin:
        described = await _described(admin)
        settings = await _settings(admin, sorted(described))
    leaderless = {name: sorted(_leaderless(topic)) for name, topic in described.items()}
    readable = [
        partition
        for name, topic in described.items()
        for partition in _partitions(name, topic)
        if partition.number not in leaderless[name]
    ]
    offsets = await _offsets(bootstrap, readable)
    return [
        CatalogedTopic(
            name=name,
            cleanup_policy=settings[name]["cleanup.policy"],
            retention_ms=int(settings[name]["retention.ms"]),
            retention_bytes=int(settings[name]["retention.bytes"]),
            max_compaction_lag_ms=int(settings[name]["max.compaction.lag.ms"]),
            replication=min(len(partition["replicas"]) for partition in topic),
            in_sync=min(len(partition["isr"]) for partition in topic),
            min_insync_replicas=int(settings[name][MIN_INSYNC_REPLICAS]),
            leaderless=leaderless[name],
            partitions={each.number: offsets[each] for each in _partitions(name, topic) if each in offsets},
        )
        for name, topic in sorted(described.items())
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
async def _admin(bootstrap: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**client_arguments(bootstrap))
    try:
        async with reaching(bootstrap):
            async with asyncio.timeout(RESPONSE_SECONDS):
                await client.start()
        yield client
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()


async def _described(admin: AIOKafkaAdminClient) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The partitions of each topic of the application, as Kafka describes them."""
    async with answered("its topics"):
        described = await admin.describe_topics()
    return {
        from_cluster(topic["topic"]): topic["partitions"]
        for topic in described
        if not topic["is_internal"] and is_ours(topic["topic"]) and topic["partitions"]  # not one that is being deleted
    }


def _partitions(name: str, described: Sequence[Mapping[str, Any]]) -> Sequence[Partition]:
    return sorted(Partition(name, partition["partition"]) for partition in described)


def _leaderless(described: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    return (partition["partition"] for partition in described if partition["leader"] == NO_LEADER)


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


async def _offsets(bootstrap: Brokers, partitions: Sequence[Partition]) -> Mapping[Partition, Offsets]:
    """Reads no records: a fetch that finds none would delay the answers by half a second."""
    async with KafkaTopicLogs(bootstrap, paused=True).opened(partitions) as log:
        lows, highs = await log.first_offsets(), await log.end_offsets()
    return {partition: Offsets(low=lows[partition], high=highs[partition]) for partition in partitions}
