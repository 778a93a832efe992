"""B3 and B4: a projector and a reactor of the toolkit, beside bare aiokafka with asyncpg and beside
FastStream. Each arm reads the same topic from its beginning, in its own process, into a fresh
database.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bench.consumer_throughput import OURS as OUR_PROGRAM
from bench.consumer_throughput import PEERS as PEER_PROGRAM
from bench.consumer_throughput import publish
from bench.frame.durability import durability_of
from bench.frame.peers import PYTHON
from bench.frame.programs import output_of
from bench.frame.row import OURS, RATE, Arm, Arms, Goal, Row, Sample, Scale
from bench.frame.servers import Servers
from tests.fixtures.club import club, migrate
from waypost.testing.database import Databases

PARTITIONS = 4
WAITS_FROM_US = 1000
"""See `bench.peers.handler_time`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    program: str
    """`projector`, `reactor`, `bare`, `faststream` …, see the modules of the programs."""
    handler_us: int = 0
    part: int = 1
    """A slow arm reads this part of the records only."""

    def records(self, scale: Scale) -> int:
        """Whole thousands, as `publish` writes them."""
        return max(1, scale.units // self.part // 1000) * 1000

    @property
    def is_ours(self) -> bool:
        return self.program in ("projector", "reactor")

    @property
    def command(self) -> Sequence[str]:
        module, python = (OUR_PROGRAM, sys.executable) if self.is_ours else (PEER_PROGRAM, str(PYTHON))
        return python, "-m", module, self.program


def arms_of(programs: Mapping[str, str], handler_us: int, part: int) -> Arms:
    """Slow arms read a part of the records only, so that each takes about the same time."""
    parts = SLOW_PARTS if handler_us >= WAITS_FROM_US else PARTS
    consumers = {
        name: Consumer(program=program, handler_us=handler_us, part=part * parts.get(program, 1))
        for name, program in programs.items()
    }

    @asynccontextmanager
    async def arms(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
        topics = {consumer.records(scale) for consumer in consumers.values()}
        for records in topics:
            await publish(servers.bootstrap, club(f"bench{records}"), records, PARTITIONS)
        async with servers.databases() as databases:
            durability = await durability_of((await databases("club", migrate)).app)
            yield [
                Arm(name=name, run=partial(consume, servers, databases, consumer, scale), durability=durability)
                for name, consumer in consumers.items()
            ]

    return arms


async def consume(servers: Servers, databases: Databases, consumer: Consumer, scale: Scale) -> Sample:
    """From the first handler call to the last commit. Several processes share the partitions."""
    records = consumer.records(scale)
    database = await databases("club", migrate)
    # The peers know no tenants: they write as the superuser, whom no policy restricts.
    dsn = database.app if consumer.is_ours else servers.dsn_of_admin(database)
    arguments = (servers.bootstrap, dsn, f"bench{records}", str(records), str(consumer.handler_us))
    processes = (output_of(*consumer.command, *arguments) for _ in range(scale.processes))
    measured = [json.loads(each) for each in await asyncio.gather(*processes)]
    return Sample(
        units=max(each["records"] for each in measured),
        seconds=max(each["seconds"] for each in measured),
        cpu_seconds=sum(each["cpu"] for each in measured),
    )


PROJECTORS = {OURS: "projector", "aiokafka and asyncpg": "bare", "FastStream, batches": "faststream-batch"}
REACTORS = {OURS: "reactor", "FastStream, one message per transaction": "faststream"}
PARTS = {"reactor": 4, "faststream": 20}
SLOW_PARTS = {"projector": 1, "bare": 4, "faststream-batch": 4, "reactor": 4, "faststream": 40}
"""With handlers that wait: our partitions wait side by side, so that ours reads more in a time."""


def projector(handler_us: int = 0, part: int = 1) -> Row:
    return Row(
        id=f"B3{_suffix(handler_us)}",
        work=f"projector, Kafka → rows, 4 partitions{_with(handler_us)}",
        unit="event",
        goals=[Goal(measure=RATE, bound=0.8), Goal(measure=RATE, bound=0.9, to="FastStream, batches")],
        arms=arms_of(PROJECTORS, handler_us, part),
        scale=Scale(units=40_000),
        rounds=2 if handler_us else 4,
        processes=() if handler_us else (1, 2, 4),
        guarded=not handler_us,
    )


def reactor(handler_us: int = 0, part: int = 1) -> Row:
    return Row(
        id=f"B4{_suffix(handler_us)}",
        work=f"reactor, one effect per event, order per key, 4 partitions{_with(handler_us)}",
        unit="event",
        goals=[Goal(measure=RATE, bound=8)],
        arms=arms_of(REACTORS, handler_us, part),
        scale=Scale(units=40_000),
        rounds=2 if handler_us else 4,
        guarded=not handler_us,
    )


def _suffix(handler_us: int) -> str:
    return f"-{handler_us}us" if handler_us else ""


def _with(handler_us: int) -> str:
    return f", handlers that take {handler_us} µs" if handler_us else ""


ROWS = [projector(), projector(100, part=4), projector(1000)]
ROWS += [reactor(), reactor(100, part=4), reactor(1000)]
