"""B12b: the projector of B3 with each safety feature off in turn, and with all of them off.

    python -m bench.consumer_safety BOOTSTRAP DSN TOPIC RECORDS OPTIONS

is one arm. The features are switched off here only, by the policies of its database and by
the composition of the consumer.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import uvloop

from bench.consumer_arms import progress
from bench.consumer_rows import PARTITIONS
from bench.frame.cpu import Stopwatch
from bench.frame.durability import durability_of
from bench.frame.programs import print_sample, run_program
from bench.frame.row import CPU, OURS, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.json_codec import JsonCodec
from bench.safety import ALL_OFF, permit_every_row, span_sink
from tests.fixtures.club import Club, User, club, migrate, opened, topic
from tests.fixtures.club.runtime import SERVICE, write_path
from waypost.engine.consumer import ConsumerGroup
from waypost.engine.process import tune_garbage_collector
from waypost.kafka.consumer import KafkaSubscription
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.consumers import group_name
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition
from waypost.postgres.consumer_transaction import PostgresConsumerTransaction, PostgresConsumerTransactions
from waypost.postgres.database import Database
from waypost.postgres.inbox import PostgresInbox
from waypost.postgres.unit_of_work import PostgresUnitsOfWork
from waypost.telemetry import tracing
from waypost.testing.database import Databases

TRACEPARENT = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
"""A sampled trace. Every record has one, which is more than the records of a stack: the consumer
limits the spans.
"""
USERS_AT_ONCE, EVENTS_PER_USER = 100, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    traces: bool = True
    row_security: bool = True
    avro: bool = True
    deduplication: bool = True


VARIANTS: Mapping[str, Features] = {
    OURS: Features(),
    ALL_OFF: Features(traces=False, row_security=False, avro=False, deduplication=False),
    "without traces": Features(traces=False),
    "without row-level security": Features(row_security=False),
    "without Avro": Features(avro=False),
    "without deduplication": Features(deduplication=False),
}


class InboxWithoutDeduplication(PostgresInbox):
    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        return frozenset(entry.event_id for entry in entries)


class TransactionsWithoutDeduplication(PostgresConsumerTransactions):
    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[PostgresConsumerTransaction]:
        async with super().begin(tenants) as transaction:
            transaction.inbox = InboxWithoutDeduplication(transaction.rows, self._name, self._versions)
            yield transaction


def club_of(name: str, *, avro: bool) -> Club:
    own = club(name)
    kinds = {own.created.type: own.created, own.updated.type: own.updated}
    return own if avro else replace(own, codec=JsonCodec(own.codec, kinds))  # type: ignore[arg-type] # same port


async def publish(bootstrap: str, own: Club, records: int) -> None:
    async with topic(bootstrap, own, partitions=PARTITIONS) as opened_topic:
        for _ in range(records // USERS_AT_ONCE // EVENTS_PER_USER):
            users = [User(own) for _ in range(USERS_AT_ONCE)]
            for _ in range(EVENTS_PER_USER):
                for envelope in (each for user in users for each in user.tells("name")):
                    parts = opened_topic.parts(envelope)
                    await opened_topic.producer.send(
                        own.topic, **{**parts, "headers": [*parts["headers"], TRACEPARENT]}
                    )
            await opened_topic.producer.flush()


async def consume(own: Club, bootstrap: str, dsn: str, records: int, *, deduplication: bool) -> Sample:
    """From the first commit to the last."""
    name = group_name(SERVICE, own.members)
    async with opened(dsn) as database:
        units = PostgresUnitsOfWork(database, write_path(own))
        kind = PostgresConsumerTransactions if deduplication else TransactionsWithoutDeduplication
        transactions = kind(database, units, own.members, name=name)
        subscription = KafkaSubscription(bootstrap, f"{name}.{os.getpid()}")
        group = ConsumerGroup(SERVICE, own.members, subscription, transactions, own.codec)
        await group.start()
        sample = await _watched(database, records)
        await group.drain(5)
        await group.stop()
    return sample


async def _watched(database: Database, records: int) -> Sample:
    first, watch = await progress(database, at_least=1), Stopwatch()
    return watch.sample(await progress(database, at_least=records) - first)


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    for avro in (True, False):
        await publish(servers.bootstrap, club_of(_topic_of(avro=avro), avro=avro), scale.units)
    async with servers.databases() as databases, span_sink() as viewer:
        durability = await durability_of((await databases("club", migrate)).app)
        yield [
            Arm(name=name, run=partial(run, servers, databases, viewer, scale, features), durability=durability)
            for name, features in VARIANTS.items()
        ]


def _topic_of(*, avro: bool) -> str:
    return "bench-avro" if avro else "bench-json"


async def run(servers: Servers, databases: Databases, viewer: str, scale: Scale, features: Features) -> Sample:
    database = await databases("club", migrate)
    if not features.row_security:
        await permit_every_row(database)
    options = {"viewer": viewer if features.traces else "", "avro": features.avro, "claim": features.deduplication}
    place = (servers.bootstrap, database.app, _topic_of(avro=features.avro), str(scale.units))
    return await run_program(sys.executable, "-m", "bench.consumer_safety", *place, json.dumps(options))


def main(bootstrap: str, dsn: str, name: str, records: str, options: str) -> None:
    given = json.loads(options)
    if given["viewer"]:
        os.environ |= {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": given["viewer"]}
        tracing.configure(SERVICE, "bench")
    own = club_of(name, avro=given["avro"])
    print_sample(uvloop.run(consume(own, bootstrap, dsn, int(records), deduplication=given["claim"])))


ROWS = [
    Row(
        id="B12b",
        work="projector as shipped, every trace sampled, 100 spans per second recorded, beside the same without safety features",
        unit="event",
        goals=[Goal(measure=RATE, bound=0.75), Goal(measure=CPU, bound=1.33)],
        arms=arms,
        scale=Scale(units=15_000),
        rounds=4,
    )
]

if __name__ == "__main__":
    tune_garbage_collector()
    main(*sys.argv[1:])
