"""B5: a rebuild of a read model from its topic, beside the live consumer of the same topic."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from bench.consumer_rows import PARTITIONS, Consumer, consume
from bench.consumer_throughput import publish
from bench.frame.durability import durability_of
from bench.frame.programs import output_of, run_program
from bench.frame.row import OURS, RATE, Arm, Goal, Row, Scale
from bench.frame.servers import Servers
from tests.fixtures.club import club, migrate


@asynccontextmanager
async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
    topic, live = f"bench{scale.units}", Consumer(program="projector")
    await publish(servers.bootstrap, club(topic), scale.units, PARTITIONS)
    async with servers.databases() as databases:
        database = await databases("club", migrate)
        # The live rows, which each rebuild compares and replaces.
        await output_of(*live.command, servers.bootstrap, database.app, topic, str(scale.units), "0")
        given = (servers.bootstrap, database.app, database.owner, topic, str(scale.processes))
        durability = await durability_of(database.app)
        rebuild = partial(run_program, sys.executable, "-m", "bench.rebuild_arm", *given)
        beside = partial(consume, servers, databases, live, replace(scale, processes=1))
        yield [
            Arm(name=OURS, run=rebuild, durability=durability),
            Arm(name="the live consumer", run=beside, durability=durability),
        ]


ROWS = [
    Row(
        id="B5",
        work="rebuild of a read model, compared with the live rows and swapped; 4 partitions",
        unit="event",
        goals=[Goal(measure=RATE, bound=3)],
        arms=arms,
        scale=Scale(units=100_000, processes=2),
        rounds=4,
        processes=(1, 2, 4),
        guarded=True,
    )
]
