"""Where the consumers of a service stand: what they have committed beside what the topics hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from waypost.engine.consumer import group_name
from waypost.kafka.catalog import partitions_of
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.operations.admin_service import AdminService
from waypost.ports.consumers import Consumer, ConsumerKind, topics_of
from waypost.ports.dead_letters import Status, Tally
from waypost.ports.subscription import Partition
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.store import PostgresDeadLetters
from waypost.postgres.overview import positions

FIRST_RECORD_SECONDS = 2.0
"""For the time of the record that waits; without it the lag is told in records alone."""

Offsets = dict[Partition, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    topic: str
    partition: int
    committed: int
    """The next offset, as the service's own database has it; what Kafka is told follows a second
    later.
    """
    end: int
    behind: timedelta | None
    """Age of the record that is next; None where none waits."""

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
    dead_letters: Mapping[Status, int]
    """Of those that are not settled."""

    @property
    def lag(self) -> int:
        return sum(each.lag for each in self.partitions)


async def consumer_lag(service: AdminService) -> Sequence[ConsumerLag]:
    """Raises Transient where the database or the broker is away."""
    known = await partitions_of(service.kafka_bootstrap)
    return [await _partition_lag(service, each, known) for each in service.consumers]


async def _partition_lag(
    service: AdminService, consumer: Consumer, known: Mapping[str, Sequence[Partition]]
) -> ConsumerLag:
    group, topics = group_name(service.name, consumer), sorted(topics_of(consumer))
    partitions = [each for topic in topics for each in known.get(topic, ())]
    # Committed offsets first: what is taken in between the two questions is then lag of a moment
    # ago, never less than nothing.
    committed = dict.fromkeys(partitions, 0) | await _committed(service.ops, group)
    tally = await _tally(service.ops, group)
    async with KafkaTopicLogs(service.kafka_bootstrap).opened(partitions) as log:
        ends = await log.end_offsets()
        waiting = await _waiting_since(
            log, {each: committed[each] for each in partitions if committed[each] < ends[each]}
        )
    return ConsumerLag(
        group=group,
        kind=consumer.kind,
        partitions=[
            PartitionLag(
                topic=each.topic,
                partition=each.number,
                committed=committed[each],
                end=ends[each],
                behind=waiting.get(each),
            )
            for each in partitions
        ],
        missing_topics=[each for each in topics if each not in known],
        parked_keys=tally.parked_keys,
        dead_letters=tally.dead_letters,
    )


async def _committed(database: Database, group: str) -> Offsets:
    return {Partition(each.topic, each.partition): each.next_offset for each in await positions(database, [group])}


async def _tally(database: Database, group: str) -> Tally:
    async with database.transaction() as connection:
        return await PostgresDeadLetters(connection, group).tally()


async def _waiting_since(log: KafkaTopicLog, next_offsets: Offsets) -> Mapping[Partition, timedelta]:
    log.seek(next_offsets)
    ages: dict[Partition, timedelta] = {}
    for partition in next_offsets:
        for record in await log.read(partition, max_records=1, timeout_seconds=FIRST_RECORD_SECONDS):
            written = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
            ages[partition] = max(datetime.now(UTC) - written, timedelta())
    return ages
