"""Lag of a service's consumers: consumer positions compared with the ends of the topics."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from waypost.kafka.catalog import partitions_of
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.ports.brokers import Brokers
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.tally import tally_of
from waypost.postgres.overview import positions
from waypost.postgres.reads import Reads

FIRST_RECORD_SECONDS = 2.0
"""Time limit to read the next record, whose timestamp gives the lag in seconds. After the limit,
the lag is known in records only.
"""


@dataclass(frozen=True, slots=True)
class ConsumerOffsets:
    """The offsets from which the lag of one consumer follows."""

    partitions: Mapping[str, Sequence[Partition]]
    """The partitions of each topic that exists."""
    committed: Mapping[Partition, int]
    """By this consumer. A partition that was never read is absent."""
    ends: Mapping[Partition, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    topic: str
    partition: int
    committed: int
    """The next offset, from the service's own database. The copy in Kafka follows within a
    second.
    """
    end: int
    behind: timedelta | None
    """Age of the record at the consumer position: how long the next record has waited. None if no
    record waits, or if reading it takes too long.
    """

    @property
    def lag(self) -> int:
        return max(self.end - self.committed, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerLag:
    group: str
    kind: ConsumerKind
    partitions: Sequence[PartitionLag]
    missing_topics: Sequence[str]
    parked_keys: int
    dead_letters: Mapping[DeadLetterStatus, int]
    """Number of unsettled dead letters by status."""

    @property
    def lag(self) -> int:
        return sum(partition.lag for partition in self.partitions)


async def consumer_lag(consumers: Sequence[DeclaredConsumer], ops: Reads, bootstrap: Brokers) -> Sequence[ConsumerLag]:
    """The lag of each of a service's consumers. Raises Transient if the database or the broker does
    not answer.
    """
    known = await partitions_of(bootstrap)
    # Read the committed offsets before the ends, so that the lag is never negative.
    committed = await _committed(ops, consumers)
    read = {partition for consumer in consumers for topic in consumer.topics for partition in known.get(topic, ())}
    ends = await end_offsets(bootstrap, read)
    return [
        await _lag_of(consumer, ops, ConsumerOffsets(known, committed[consumer.group], ends), bootstrap)
        for consumer in consumers
    ]


async def _lag_of(consumer: DeclaredConsumer, ops: Reads, offsets: ConsumerOffsets, bootstrap: Brokers) -> ConsumerLag:
    topics = sorted(consumer.topics)
    partitions = [partition for topic in topics for partition in offsets.partitions.get(topic, ())]
    committed = {partition: offsets.committed.get(partition, 0) for partition in partitions}
    tally = await tally_of(ops, consumer.group)
    behind = {partition: offset for partition, offset in committed.items() if offset < offsets.ends[partition]}
    ages = await _ages_of_next_records(bootstrap, behind)
    return ConsumerLag(
        group=consumer.group,
        kind=consumer.kind,
        partitions=[
            PartitionLag(
                topic=partition.topic,
                partition=partition.number,
                committed=committed[partition],
                end=offsets.ends[partition],
                behind=ages.get(partition),
            )
            for partition in partitions
        ],
        missing_topics=[topic for topic in topics if topic not in offsets.partitions],
        parked_keys=tally.parked_keys,
        dead_letters=tally.dead_letters,
    )


async def _committed(ops: Reads, consumers: Sequence[DeclaredConsumer]) -> Mapping[str, Mapping[Partition, int]]:
    """The stored positions by consumer."""
    committed: dict[str, dict[Partition, int]] = {consumer.group: {} for consumer in consumers}
    for position in await positions(ops, list(committed)):
        committed[position.consumer][Partition(position.topic, position.partition)] = position.next_offset
    return committed


async def end_offsets(bootstrap: Brokers, partitions: Collection[Partition]) -> Mapping[Partition, int]:
    """The end of each partition. Raises Transient."""
    if not partitions:
        return {}
    async with KafkaTopicLogs(bootstrap, paused=True).opened(partitions) as log:
        return await log.end_offsets()


async def _ages_of_next_records(
    bootstrap: Brokers, next_offsets: Mapping[Partition, int]
) -> Mapping[Partition, timedelta]:
    """The age of the record at each offset."""
    ages: dict[Partition, timedelta] = {}
    if not next_offsets:
        return ages
    async with KafkaTopicLogs(bootstrap).opened(next_offsets) as log:
        log.seek(next_offsets)
        for partition in next_offsets:
            for record in await log.read(partition, max_records=1, timeout_seconds=FIRST_RECORD_SECONDS):
                written = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
                ages[partition] = max(datetime.now(UTC) - written, timedelta())
    return ages
