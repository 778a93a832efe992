"""Where an event lies on its topic."""

from datetime import datetime
from uuid import UUID

from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.cloudevents import ID
from waypost.kernel.envelope import Record
from waypost.kernel.partitioning import partition_for
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import records_until


async def find_record(bootstrap: str, topic: str, key: bytes, event_id: UUID, *, since: datetime) -> Record | None:
    """The first record of that event; None where its partition holds none that was written since.
    Raises Transient.

    A record is never older than its event, so that the search begins at the event's time, whenever
    the record was published.
    """
    async with connected_client(bootstrap) as client:
        described = await describe(client, [topic])
    if topic not in described:
        return None
    partition = Partition(topic, partition_for(key, described[topic].partitions))
    async with KafkaTopicLogs(bootstrap).opened([partition]) as log:
        starts = await log.offsets_since(since)
        log.seek(starts)
        return await _scan(log, partition, event_id) if starts else None


async def _scan(log: KafkaTopicLog, partition: Partition, event_id: UUID) -> Record | None:
    wanted, end = (ID, str(event_id).encode()), (await log.end_offsets())[partition]
    async for records in records_until(log, partition, end):
        for record in records:
            if wanted in record.headers:
                return record
    return None
