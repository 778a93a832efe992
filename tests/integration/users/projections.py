"""Rebuilds of a read model, and the progress of a consumer."""

from waypost.engine.rebuild import rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.ports.consumers import AsyncProjection
from waypost.ports.subscription import Partition
from waypost.postgres.rebuild.shadow import PostgresShadowFactory
from waypost.testing.database import connected
from waypost.testing.hosted import HostedService
from waypost.testing.topics import opened_topic


async def rebuilt(host: HostedService, projection: AsyncProjection, bootstrap: str) -> tuple[bool, bool]:
    """Rebuilds the read model: whether it was swapped in, and whether its rows are the same."""
    shadows = PostgresShadowFactory(host.service.name, projection, app_dsn=host.where.app, owner_dsn=host.where.owner)
    report = await rebuild_async_projection(projection, shadows, KafkaTopicLogs(bootstrap), host.service.codec)
    return report.swapped, all(each.equal for each in report.comparison.comparisons)


async def has_read_all(host: HostedService, name: str, bootstrap: str) -> bool:
    """Whether the consumer has handled all records of its topics."""
    consumer = next(each for each in host.service.consumers if each.name == name)
    query = "select topic, partition, next_offset from consumer_offsets where consumer = $1"
    async with connected(host.where.ops) as ops:
        rows = await ops.fetch(query, f"{host.service.name}.{name}")
    read = {Partition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    for topic in {kind.topic for kind in consumer.handlers}:
        async with opened_topic(bootstrap, topic) as reader:
            ends = await reader.ends()
        if any(read.get(partition, 0) < end for partition, end in ends.items()):
            return False
    return True
