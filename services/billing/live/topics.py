"""Creates the Faust application's internal topics before it starts. Otherwise Faust creates them
while it joins the group, and does not consume topics that were missing from its metadata then.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

KNOWN_WITHIN_SECONDS = 10.0


async def ensure_topics(bootstrap: str, topics: Mapping[str, Mapping[str, str]], *, like: str) -> None:
    """Creates missing topics with these settings, and with the partitions and replicas of the topic
    `like`. Returns when all have leaders.

    Raises KafkaError, TimeoutError, UnknownTopicOrPartitionError if `like` does not exist.
    """
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        existing = await client.list_topics()
        partitions, replicas = await _size_of(client, like)
        missing = [
            NewTopic(name, partitions, replicas, topic_configs=dict(settings))
            for name, settings in topics.items()
            if name not in existing
        ]
        if missing:
            await _create(client, missing)
        async with asyncio.timeout(KNOWN_WITHIN_SECONDS):
            while not await _have_leaders(client, list(topics)):  # noqa: ASYNC110 - Kafka has no notification for it
                await asyncio.sleep(0.1)
    finally:
        await client.close()


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
