"""Creates the Faust application's internal topics before it starts. Otherwise Faust creates them
while it joins the group, and does not consume topics that were missing from its metadata then.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from waypost.kafka.client_arguments import client_arguments
from waypost.ports.brokers import Brokers

CREATION_SECONDS = 30.0
"""Limit of all requests, with the time until all topics have leaders."""
CLOSE_SECONDS = 2.0


async def ensure_topics(bootstrap: Brokers, topics: Mapping[str, Mapping[str, str]], *, like: str) -> None:
    """Creates missing topics with these settings, and with the partitions and replicas of the topic
    `like`. Returns when all have leaders.

    Raises KafkaError, TimeoutError, UnknownTopicOrPartitionError if `like` does not exist.
    """
    client = AIOKafkaAdminClient(**client_arguments(bootstrap))
    try:
        async with asyncio.timeout(CREATION_SECONDS):
            await client.start()
            await _create_missing(client, topics, like)
            while not await _have_leaders(client, list(topics)):  # noqa: ASYNC110 - Kafka has no notification for it
                await asyncio.sleep(0.1)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.close()


async def _create_missing(client: AIOKafkaAdminClient, topics: Mapping[str, Mapping[str, str]], like: str) -> None:
    existing = await client.list_topics()
    partitions, replicas = await _size_of(client, like)
    missing = [
        NewTopic(name, partitions, replicas, topic_configs=dict(settings))
        for name, settings in topics.items()
        if name not in existing
    ]
    if missing:
        await _create(client, missing)


async def _size_of(client: AIOKafkaAdminClient, topic: str) -> tuple[int, int]:
    (described,) = await client.describe_topics([topic])
    if not described["partitions"]:
        raise UnknownTopicOrPartitionError(topic)
    return len(described["partitions"]), len(described["partitions"][0]["replicas"])


async def _create(client: AIOKafkaAdminClient, missing: Sequence[NewTopic]) -> None:
    try:
        await client.create_topics(missing)
    except TopicAlreadyExistsError:
        return  # another process was first


async def _have_leaders(client: AIOKafkaAdminClient, names: list[str]) -> bool:
    described = await client.describe_topics(names)
    return len(described) == len(names) and all(
        not topic["error_code"] and all(partition["leader"] >= 0 for partition in topic["partitions"])
        for topic in described
    )
