"""B6 and B7: the relay and its latency, beside its producer with rows from memory and Debezium."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from bench import debezium
from bench.frame.durability import durability_of
from bench.frame.programs import run_program
from bench.frame.row import OURS, P50, P99, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.relay_latency import WARM_UP, trickle
from bench.relay_parts import PARTITIONS, TOPIC, Parts
from tests.fixtures.club import make_topic
from waypost.testing.database import connected

FROM_MEMORY = "its producer, rows from memory"
DEBEZIUM = "Debezium's engine and Kafka's Java producer"
COMMAND = (sys.executable, "-m", "bench.relay_arms")
PER_SECOND = 200
"""Commits in B7."""


@asynccontextmanager
async def parts_of(servers: Servers) -> AsyncIterator[Parts]:
    await make_topic(servers.bootstrap, TOPIC, PARTITIONS)
    async with servers.databases() as databases:
        database = await databases("users")
        yield Parts(bootstrap=servers.bootstrap, database=database, admin_dsn=servers.dsn_of_admin(database))


async def durability(parts: Parts) -> Mapping[str, str]:
    async with connected(parts.admin_dsn) as admin:
        log = await admin.fetchval("show wal_level")
    return {**await durability_of(parts.database.relay), "wal_level": log, "acks": "all"}


@asynccontextmanager
async def draining(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with parts_of(servers) as parts:
        same = await durability(parts)
        given = (parts.bootstrap, parts.database.relay, str(scale.units))
        yield [
            Arm(name=OURS, run=partial(drain, parts, scale, (*COMMAND, "drain", *given)), durability=same),
            Arm(name=FROM_MEMORY, run=partial(run_program, *COMMAND, "produce", *given), durability=same),
            Arm(name=DEBEZIUM, run=partial(drain_by_debezium, parts, scale), durability=same),
        ]


async def drain(parts: Parts, scale: Scale, command: Sequence[str]) -> Sample:
    """Several relays share the shards."""
    await parts.fill_outbox(scale.units)
    samples = await asyncio.gather(*(run_program(*command) for _ in range(scale.processes)))
    return Sample(
        units=scale.units,
        seconds=max(sample.seconds for sample in samples),
        cpu_seconds=sum(sample.cpu_seconds for sample in samples),
    )


async def drain_by_debezium(parts: Parts, scale: Scale) -> Sample:
    """As many rows first warm up its virtual machine: neither they nor its start count."""
    async with debezium.slot(parts):
        rows = 2 * scale.units
        await parts.fill_outbox(rows)
        program = debezium.command(parts, warm_up=scale.units, rows=rows, linger_ms=debezium.BATCHED)
        return await run_program(*program)


@asynccontextmanager
async def trickling(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with parts_of(servers) as parts:
        same = await durability(parts)
        ours = (*COMMAND, "trickle", parts.bootstrap, parts.database.relay, str(scale.units))
        yield [
            Arm(name=OURS, run=partial(trickle, parts, ours, scale.units, PER_SECOND), durability=same),
            Arm(name=DEBEZIUM, run=partial(trickle_to_debezium, parts, scale), durability=same),
        ]


async def trickle_to_debezium(parts: Parts, scale: Scale) -> Sample:
    """Its engine polls its queue every millisecond."""
    async with debezium.slot(parts):
        rows = WARM_UP + scale.units
        program = debezium.command(parts, warm_up=WARM_UP, rows=rows, linger_ms=debezium.AT_ONCE)
        return await trickle(parts, program, scale.units, PER_SECOND)


ROWS = [
    Row(
        id="B6",
        work="relay drains an outbox of rows of 400 B, acks=all",
        unit="row",
        goals=[Goal(measure=RATE, bound=0.6), Goal(measure=RATE, bound=1.5, to=DEBEZIUM)],
        arms=draining,
        servers=debezium.logical_postgres_and_kafka,
        scale=Scale(units=100_000),
        processes=(1, 2, 4),
        guarded=True,
    ),
    Row(
        id="B7",
        work="commit → acknowledged, 200 events per second",
        unit="event",
        goals=[Goal(measure=P50, bound=2.5, relative=False), Goal(measure=P99, bound=6, relative=False)],
        arms=trickling,
        servers=debezium.logical_postgres_and_kafka,
        scale=Scale(units=2000),
        rounds=2,
    ),
]
