"""Audit of a producer's newest events: whether each consumer has seen them.

Producers and consumers share no database. An event that is stored and not in the outbox any more
was acknowledged by Kafka, so it lies below the end of its topic. A consumer whose positions reach
that end must have seen it, or stored a dead letter for it.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from waypost.kafka.catalog import partitions_of
from waypost.operations.consumers import end_offsets
from waypost.operations.doctor.finding import ExaminedService, Finding, Findings, republish
from waypost.ports.brokers import Brokers
from waypost.ports.declared_consumer import ConsumerKind, DeclaredConsumer
from waypost.ports.subscription import Partition
from waypost.postgres.declared_consumers import read_stored_consumers
from waypost.postgres.overview import positions
from waypost.postgres.reads import Reads

CATCH_UP_SECONDS = 5.0
"""How long a consumer may need for the records that were published last."""
PAUSE_SECONDS = 0.2
AT_ONCE = 1000
"""Aggregates per query."""

_NEWEST = """
select aggregate_type, aggregate_id, max(version) as version from events
where position > (select max(position) from events) - $1::bigint group by aggregate_type, aggregate_id"""

_IN_OUTBOX = "select distinct topic, convert_from(key, 'UTF8') as key from outbox"

_SEEN_BY_REACTOR = """
select aggregate_id, version from consumer_versions where consumer = $3 and topic = $1 and aggregate_id = any ($2::uuid[])"""
_SEEN_BY_PROJECTION = """
select aggregate_id, version from "{schema}".versions where topic = $1 and aggregate_id = any ($2::uuid[])"""

_WITH_DEAD_LETTER = """
select distinct convert_from(key, 'UTF8')::uuid as aggregate_id from dead_letters
where consumer = $1 and topic = $2 and sequence is not null
  and key_digest = any (array(select sha256(convert_to(id::text, 'UTF8')) from unnest($3::uuid[]) as id))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The newest published version of each aggregate among the last events, and the ends of their
    topic.
    """

    topic: str
    versions: Mapping[UUID, int]
    ends: Mapping[Partition, int]


async def published(producer: str, owner: Reads, bootstrap: Brokers, events: int) -> Sequence[Published]:
    """Reads the last `events` events of a producer, by topic. Requires the owner, the only role
    that reads the events of all tenants.
    """
    newest: dict[str, dict[UUID, int]] = {}
    for row in await owner.fetch(_NEWEST, events):
        newest.setdefault(f"{producer}.{row['aggregate_type']}", {})[row["aggregate_id"]] = row["version"]
    # In this order: an event that is not in the outbox now is below the ends that are read next.
    waiting = {(row["topic"], row["key"]) for row in await owner.fetch(_IN_OUTBOX)}
    known = await partitions_of(bootstrap)
    ends = await end_offsets(bootstrap, [partition for topic in newest for partition in known.get(topic, ())])
    return [
        Published(
            topic=topic,
            versions={each: version for each, version in versions.items() if (topic, str(each)) not in waiting},
            ends={partition: end for partition, end in ends.items() if partition.topic == topic},
        )
        for topic, versions in newest.items()
    ]


async def unseen(examined: ExaminedService, topics: Sequence[Published]) -> Findings:
    """Published events that a consumer of this service has passed without seeing them."""
    return [
        finding
        for consumer in await read_stored_consumers(examined.reads)
        for topic in topics
        if topic.topic in consumer.topics
        for finding in await _audit(examined.reads, consumer, topic)
    ]


async def _audit(reads: Reads, consumer: DeclaredConsumer, topic: Published) -> Findings:
    if not await _has_caught_up(reads, consumer, topic):
        problem = f"{consumer.group} is behind on {topic.topic}: its versions were not compared"
        return [
            Finding(problem=problem, remedy="repeat the command when `waypost consumers` shows no lag", is_note=True)
        ]
    aggregates = list(topic.versions)
    missing: dict[UUID, tuple[int, int]] = {}
    for at in range(0, len(aggregates), AT_ONCE):
        missing |= await _missing(reads, consumer, topic, aggregates[at : at + AT_ONCE])
    return list(_finding(consumer, topic.topic, missing))


async def _has_caught_up(reads: Reads, consumer: DeclaredConsumer, topic: Published) -> bool:
    give_up_at = time.monotonic() + CATCH_UP_SECONDS
    while True:
        stored = {
            Partition(each.topic, each.partition): each.next_offset for each in await positions(reads, [consumer.group])
        }
        if all(stored.get(partition, 0) >= end for partition, end in topic.ends.items()):
            return True
        if time.monotonic() > give_up_at:
            return False
        await asyncio.sleep(PAUSE_SECONDS)


async def _missing(
    reads: Reads, consumer: DeclaredConsumer, topic: Published, aggregates: Sequence[UUID]
) -> dict[UUID, tuple[int, int]]:
    """The published and the seen version of each aggregate that lacks events. An aggregate with a
    dead letter is reported by its own check, or an operator discarded the event.
    """
    seen = await _seen(reads, consumer, topic.topic, aggregates)
    behind = [each for each in aggregates if seen.get(each, 0) < topic.versions[each]]
    if not behind:
        return {}
    excused = {row["aggregate_id"] for row in await reads.fetch(_WITH_DEAD_LETTER, consumer.group, topic.topic, behind)}
    return {each: (topic.versions[each], seen.get(each, 0)) for each in behind if each not in excused}


async def _seen(reads: Reads, consumer: DeclaredConsumer, topic: str, aggregates: Sequence[UUID]) -> Mapping[UUID, int]:
    if consumer.kind is ConsumerKind.REACTOR:
        rows = await reads.fetch(_SEEN_BY_REACTOR, topic, aggregates, consumer.group)
    else:
        schema = consumer.group.partition(".")[2]
        rows = await reads.fetch(_SEEN_BY_PROJECTION.format(schema=schema), topic, aggregates)
    return {row["aggregate_id"]: row["version"] for row in rows}


def _finding(consumer: DeclaredConsumer, topic: str, missing: Mapping[UUID, tuple[int, int]]) -> Iterator[Finding]:
    if not missing:
        return
    aggregate_id, (version, seen) = next(iter(missing.items()))
    if consumer.kind is ConsumerKind.ASYNC_PROJECTION:
        again = f"waypost projections rebuild {consumer.group}"
    else:
        again = (
            "let the reactor read the topic again, which skips the events that it has handled:"
            f" update consumer_offsets set next_offset = 0 where consumer = '{consumer.group}' and topic = '{topic}'"
        )
    yield Finding(
        problem=f"{consumer.group} has passed the newest events of {len(missing)} aggregates of {topic} without seeing"
        f" them, such as {aggregate_id}: version {version} is published, {seen} was seen",
        remedy=f"{republish(topic)}; if they stay unseen: {again}",
    )
