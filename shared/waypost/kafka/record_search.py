"""Finds an event's record on its topic."""

from datetime import datetime
from uuid import UUID

from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.envelope import Record
from waypost.kernel.header_forms import ID
from waypost.kernel.partitioner import partition_for
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import records_until


async def find_record(bootstrap: Brokers, topic: str, key: bytes, event_id: UUID, *, since: datetime) -> Record | None:
    """The first record of the event; None if its partition holds no record of it written since.
    Raises Transient.

    A record is never older than its event, so the search starts at the event's time, whenever the
    record was published.
    """
    async with connected_client(bootstrap) as client:
        topics = await describe(client, [topic])
    if topic not in topics:
        return None
    partition = Partition(topic, partition_for(key, topics[topic].partitions))
    async with KafkaTopicLogs(bootstrap).opened([partition]) as log:
        starts = await log.offsets_since(since)
        log.seek(starts)
        return await _scan(log, partition, event_id) if starts else None


async def _scan(log: KafkaTopicLog, partition: Partition, event_id: UUID) -> Record | None:
    header, end = (ID, str(event_id).encode()), (await log.end_offsets())[partition]
    async for records in records_until(log, partition, end):
        for record in records:
            if header in record.headers:
                return record
    return None
