"""B6 and B7: the relay, beside its producer with rows from memory, and its latency."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from bench.frame.cpu import Stopwatch
from bench.frame.durability import durability_of
from bench.frame.programs import run_program
from bench.frame.row import OURS, P50, P99, RATE, Arm, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from bench.relay_drain import LATENCY_SECONDS, latencies
from bench.relay_parts import PARTITIONS, TOPIC, Parts
from tests.fixtures.club import make_topic

ACKNOWLEDGED = {"acks": "all"}


@asynccontextmanager
async def parts_of(servers: Servers) -> AsyncIterator[Parts]:
    await make_topic(servers.bootstrap, TOPIC, PARTITIONS)
    async with servers.databases() as databases:
        database = await databases("users")
        yield Parts(bootstrap=servers.bootstrap, database=database, admin_dsn=servers.dsn_of_admin(database))


@asynccontextmanager
async def draining(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with parts_of(servers) as parts:
        command = (sys.executable, "-m", "bench.relay_arms")
        given = (parts.bootstrap, parts.database.relay, str(scale.units))
        durability = {**await durability_of(parts.database.relay), **ACKNOWLEDGED}
        yield [
            Arm(name=OURS, run=partial(drain, parts, scale, (*command, "drain", *given)), durability=durability),
            Arm(
                name="its producer, rows from memory",
                run=partial(run_program, *command, "produce", *given),
                durability=durability,
            ),
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


@asynccontextmanager
async def trickling(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    async with parts_of(servers) as parts:
        durability = {**await durability_of(parts.database.relay), **ACKNOWLEDGED}
        yield [Arm(name=OURS, run=partial(trickle, parts, scale.units / LATENCY_SECONDS), durability=durability)]


async def trickle(parts: Parts, per_second: float) -> Sample:
    """The CPU time includes the writer's, which is in the same process."""
    watch = Stopwatch()
    seconds = await latencies(parts, per_second)
    return watch.sample(len(seconds), [1000 * each for each in seconds])


ROWS = [
    Row(
        id="B6",
        work="relay drains an outbox of rows of 400 B, acks=all",
        unit="row",
        goals=[Goal(measure=RATE, bound=0.6)],
        arms=draining,
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
        scale=Scale(units=round(200 * LATENCY_SECONDS)),
        rounds=2,
    ),
]
