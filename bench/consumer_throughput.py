"""Measures records per second from Kafka to committed rows, beside aiokafka with asyncpg and beside
FastStream, in one run.

    python -m bench.consumer_throughput [--records 40000] [--rounds 2] [--peers PYTHON]

`--peers` is the interpreter of an environment with `bench/peers/requirements.txt`; without it only
the toolkit's arms run. Starts a separate broker and database server. Each arm reads the same topic
from its beginning, in its own process and into a fresh database. The order of the arms is reversed
in every second round. Compare the ratios: absolute values depend on the machine.
"""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from tests.fixtures.club import Club, Topic, User, club, migrate, topic
from waypost.postgres.provisioning.databases import ServiceDatabase, ensure_database, service_database
from waypost.postgres.provisioning.roles import DatabaseRole, ensure_roles
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import Broker, running_kafka
from waypost.testing.postgres import running_postgres

PUBLISHED_AT_ONCE = 1000
OURS, PEERS = "bench.consumer_arms", "bench.peers.consumers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    row: str
    """The row of the table of goals."""
    name: str
    module: str
    handler_us: int
    records: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Processor seconds of the process per 1,000 records."""

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def add(self, measured: dict[str, float]) -> None:
        self.rates.append(measured["records"] / measured["seconds"])
        self.cpu.append(measured["cpu"] / measured["records"] * 1000)


def arms_of(records: int, handlers_us: Sequence[int], rows: Sequence[str], *, with_peers: bool) -> Sequence[Arm]:
    named = [
        ("B3", "projector", OURS, 1),
        ("B3", "bare", PEERS, 1),
        ("B3", "faststream-batch", PEERS, 1),
        ("B4", "reactor", OURS, 4),
        ("B4", "faststream", PEERS, 20),
    ]
    return [
        # A slow arm reads less, so that each takes about the same time.
        Arm(
            row=row,
            name=name,
            module=module,
            handler_us=microseconds,
            records=max(1, records // part // _part(microseconds) // PUBLISHED_AT_ONCE) * PUBLISHED_AT_ONCE,
        )
        for microseconds in handlers_us
        for row, name, module, part in named
        if row in rows and (with_peers or module == OURS)
    ]


def _part(handler_us: int) -> int:
    return 1 if handler_us == 0 else 4 if handler_us < 1000 else 8


async def main(given: argparse.Namespace) -> None:
    arms = arms_of(given.records, given.handlers_us, given.rows, with_peers=bool(given.peers))
    with scratch_folder() as folder:
        async with running_kafka(folder) as broker, running_postgres(folder) as server:
            topics = {records: club(f"bench{records}") for records in {arm.records for arm in arms}}
            for records, own in topics.items():
                await publish(broker.bootstrap, own, records, given.partitions)
            for number in range(given.rounds):
                for arm in arms if number % 2 == 0 else reversed(arms):
                    arm.add(await measure(broker, server.admin_dsn, topics[arm.records], arm, given.peers))
    show(arms)


def show(arms: Sequence[Arm]) -> None:
    for arm in arms:
        ours = next(each for each in arms if (each.row, each.handler_us) == (arm.row, arm.handler_us))
        each_round = " ".join(f"{rate:,.0f}" for rate in arm.rates)
        print(
            f"{arm.row} {arm.name:<18}{arm.handler_us:>5} us {arm.rate:>9,.0f}/s  {statistics.median(arm.cpu) * 1000:>7.0f} us CPU"
            f"  ours/it {ours.rate / arm.rate:>5.2f}  ({each_round})"
        )


async def publish(bootstrap: str, own: Club, records: int, partitions: int) -> None:
    """Ten events per user, interleaved like live traffic."""
    async with topic(bootstrap, own, partitions=partitions) as opened_topic:
        for _ in range(records // PUBLISHED_AT_ONCE):
            people = [User(own) for _ in range(100)]
            await publish_rounds(opened_topic, people, 10)


async def publish_rounds(opened_topic: Topic, people: list[User], rounds: int) -> None:
    await opened_topic.publish(*(event for _ in range(rounds) for person in people for event in person.tells("name")))


async def measure(broker: Broker, admin_dsn: str, own: Club, arm: Arm, peers: str | None) -> dict[str, float]:
    """Runs the arm in its own process, until it has read the topic."""
    async with fresh_database(admin_dsn) as database:
        # The peers know no tenants: they write as the superuser, whom no policy restricts.
        dsn = database.app if arm.module == OURS else f"{admin_dsn.rpartition('/')[0]}/{database.name}"
        python = sys.executable if arm.module == OURS else peers or sys.executable
        arguments = (arm.name, broker.bootstrap, dsn, own.topic, str(arm.records), str(arm.handler_us))
        child = await asyncio.create_subprocess_exec(
            python,
            "-m",
            arm.module,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ".:shared"},
        )
        output, _ = await child.communicate()
    measured: dict[str, float] = json.loads(output.decode().splitlines()[-1])
    return measured


async def progress(look: asyncpg.Connection, *, at_least: int) -> tuple[float, int]:
    while True:
        taken_in = await look.fetchval("select coalesce(sum(next_offset), 0)::int from consumer_offsets")
        if taken_in >= at_least:
            return time.perf_counter(), taken_in
        await asyncio.sleep(0.005)


@asynccontextmanager
async def fresh_database(admin_dsn: str) -> AsyncIterator[ServiceDatabase]:
    admin = await asyncpg.connect(admin_dsn)
    passwords = {role: secrets.token_urlsafe(24) for role in DatabaseRole}
    name = f"club_{secrets.token_hex(4)}"
    try:
        await ensure_roles(admin, "club", passwords)
        await ensure_database(admin, "club", name)
        database = service_database(admin_dsn, "club", name, passwords)
        await migrate(database)
        yield database
    finally:
        await admin.close()


@asynccontextmanager
async def connected(admin_dsn: str, database: ServiceDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(admin_dsn, database=database.name)
    try:
        yield connection
    finally:
        await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=40_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", nargs="+", default=["B3", "B4"])
    parser.add_argument("--handlers-us", type=int, nargs="+", default=[0, 100, 1000])
    parser.add_argument("--peers", help="the interpreter of the environment with the peers")
    asyncio.run(main(parser.parse_args()))
