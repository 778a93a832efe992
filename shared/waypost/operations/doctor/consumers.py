"""Checks of a service's consumers: positions, dead letters and parked keys."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from waypost.kafka.catalog import Offsets, catalog
from waypost.operations.consumers import ConsumerLag, consumer_lag
from waypost.operations.doctor.finding import NEAR_LIMIT, ExaminedService, Finding, Findings, republish
from waypost.ports.brokers import Brokers
from waypost.ports.declared_consumer import DeclaredConsumer
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.rows import IS_OPEN
from waypost.postgres.declared_consumers import read_stored_consumers
from waypost.postgres.overview import Position, positions

BEHIND = timedelta(minutes=1)
PARKED = "10 minutes"

_DEAD = """
select consumer, count(*) from dead_letters where status = 'dead' group by consumer order by consumer"""

# Dead letters that failed, and the ones behind them: `ConsumerPolicy.max_dead_letters` limits them.
_FAILED = f"""
select consumer, count(*) from dead_letters as held
where {IS_OPEN} and (status <> 'waiting' or exists (
    select from dead_letters as failed where failed.consumer = held.consumer and failed.topic = held.topic
      and failed.key_digest = held.key_digest and failed.status in ('retrying', 'dead')))
group by consumer order by consumer"""

# A key with a dead one waits for that one, which is reported apart.
_PARKED = """
select consumer, topic, count(*), bool_or(exists (
           select from dead_letters as failed where failed.consumer = parked.consumer and failed.topic = parked.topic
             and failed.key_digest = parked.key_digest and failed.status = 'retrying')) as retries
from parked_keys as parked
where parked_at < now() - $1::text::interval
  and not exists (select from dead_letters as dead where dead.consumer = parked.consumer and dead.topic = parked.topic
                    and dead.key_digest = parked.key_digest and dead.status = 'dead')
group by consumer, topic order by consumer, topic"""

_NEWER_SCHEMAS = f"""
select consumer, count(*), min(error) as error from dead_letters
where {IS_OPEN} and error_class = 'NewerSchema' group by consumer order by consumer"""


async def declared(examined: ExaminedService) -> Findings:
    if await read_stored_consumers(examined.reads):
        return []
    problem = "no worker has started on this database: events are neither published nor consumed"
    return [Finding(problem=problem, remedy=f"start the worker: {examined.start} worker")]


async def lag(examined: ExaminedService) -> Findings:
    """Consumers whose next record has waited for more than a minute, and topics that do not
    exist.
    """
    if examined.bootstrap is None:
        return []
    consumers = await read_stored_consumers(examined.reads)
    lags = await consumer_lag(consumers, examined.reads, examined.bootstrap)
    return [finding for consumer in lags for finding in _behind(examined, consumer)]


def _behind(examined: ExaminedService, consumer: ConsumerLag) -> Iterator[Finding]:
    for topic in consumer.missing_topics:
        problem = f"{consumer.group} consumes {topic}, which does not exist"
        yield Finding(problem=problem, remedy=f"create the topic, and publish its events: {republish(topic)}")
    late = [partition for partition in consumer.partitions if partition.behind and partition.behind > BEHIND]
    if late:
        problem = f"{consumer.group} is {consumer.lag} records behind, on {len(late)} partitions for more than a minute"
        remedy = f"start the worker, or another one: {examined.start} worker; its log event batch_failed names an error"
        yield Finding(problem=problem, remedy=remedy)


async def lost_records(examined: ExaminedService) -> Findings:
    """Positions outside of their topic: records were deleted unread, or the topic was recreated."""
    if examined.bootstrap is None:
        return []
    offsets = _offsets(await _cataloged(examined.bootstrap))
    consumers = {consumer.group: consumer for consumer in await read_stored_consumers(examined.reads)}
    return [
        finding
        for position in await positions(examined.reads, list(consumers))
        if (partition := Partition(position.topic, position.partition)) in offsets
        for finding in _lost(examined, consumers[position.consumer], position, offsets[partition])
    ]


async def _cataloged(bootstrap: Brokers) -> Mapping[str, Mapping[int, Offsets]]:
    return {topic.name: topic.partitions for topic in await catalog(bootstrap)}


def _offsets(topics: Mapping[str, Mapping[int, Offsets]]) -> Mapping[Partition, Offsets]:
    return {Partition(name, number): offsets for name, numbers in topics.items() for number, offsets in numbers.items()}


def _lost(
    examined: ExaminedService, consumer: DeclaredConsumer, position: Position, offsets: Offsets
) -> Iterator[Finding]:
    place, name = f"{position.topic}/{position.partition}", consumer.group
    remedy = republish(position.topic)
    if position.next_offset < offsets.low:
        lost = offsets.low - position.next_offset
        yield Finding(problem=f"{name} has not read {lost} records of {place}, which were deleted", remedy=remedy)
    elif position.next_offset > offsets.high:
        lost = position.next_offset - offsets.high
        yield Finding(problem=f"{place} has lost its last {lost} records, which {name} has read", remedy=remedy)


async def dead_letters(examined: ExaminedService) -> Findings:
    return [
        Finding(
            problem=f"{row['consumer']} has {row['count']} dead letters: later events of their keys wait",
            remedy=f"correct the reason (`waypost dead-letters list --consumer {row['consumer']}`), then:"
            f" waypost dead-letters redrive --consumer {row['consumer']} --reason '…'",
        )
        for row in await examined.reads.fetch(_DEAD)
    ]


async def dead_letter_limit(examined: ExaminedService) -> Findings:
    """At the limit, a partition waits at the first record that needs another dead letter."""
    limit = examined.max_dead_letters
    return [
        Finding(
            problem=f"{row['consumer']} has {row['count']} dead letters that failed or wait behind one; at {limit} its"
            " partitions stop",
            remedy=f"waypost dead-letters redrive --consumer {row['consumer']} --reason '…', or discard the ones of no use",
        )
        for row in await examined.reads.fetch(_FAILED)
        if row["count"] >= NEAR_LIMIT * limit
    ]


async def parked_keys(examined: ExaminedService) -> Findings:
    """Keys that wait for long, although none of their dead letters needs an operator."""
    findings = []
    for row in await examined.reads.fetch(_PARKED, PARKED):
        consumer, topic = row["consumer"], row["topic"]
        if row["retries"]:
            problem = f"{row['count']} keys of {topic} wait in {consumer} for more than {PARKED}: a retry still fails"
            remedy = (
                f"correct the error that `waypost dead-letters list --consumer {consumer}` shows; the retries continue"
            )
        else:
            problem = f"{row['count']} keys of {topic} wait in {consumer} for more than {PARKED} for an earlier event"
            remedy = republish(topic)
        findings.append(Finding(problem=problem, remedy=remedy))
    return findings


async def newer_schemas(examined: ExaminedService) -> Findings:
    """Records of a newer release wait for it."""
    return [
        Finding(
            problem=f"{row['count']} records wait in {row['consumer']} for a newer release: {row['error']}",
            remedy=f"deploy the release that has the schema to {examined.name}; the records are then handled without a command",
        )
        for row in await examined.reads.fetch(_NEWER_SCHEMAS)
    ]
