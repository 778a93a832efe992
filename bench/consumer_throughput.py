"""Measures records per second from Kafka to committed rows: an async projection with whole batches,
one with single records, and a reactor, side by side.

    python -m bench.consumer_throughput [--records 20000] [--partitions 4]

Starts a separate broker and database server. Compare the ratios: absolute values depend on the
machine. Every run reads the same topic from its beginning under the full path: fence, claim, parked
check, order guard, handlers, commit.
"""

import argparse
import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.fixtures.club import Club, Topic, User, club, consuming, migrate, opened, topic
from waypost.engine.consumer import ConsumerPolicy
from waypost.ports.consumers import Consumer
from waypost.postgres.provisioning.databases import ServiceDatabase, ensure_database, service_database
from waypost.postgres.provisioning.roles import Role, ensure_roles
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import Broker, running_kafka
from waypost.testing.postgres import running_postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    name: str
    consumer: Consumer
    policy: ConsumerPolicy
    records: int


async def main(records: int, partitions: int) -> None:
    with scratch_folder() as folder:
        async with running_kafka(folder) as broker, running_postgres(folder) as server:
            own = club("bench")
            await publish(broker, own, records, partitions)
            runs = [
                Run(name="projector, batches", consumer=own.members, policy=ConsumerPolicy(), records=records),
                Run(
                    name="projector, one by one",
                    consumer=own.members,
                    policy=ConsumerPolicy(max_records=1),
                    records=records,
                ),
                Run(name="reactor", consumer=own.greetings, policy=ConsumerPolicy(), records=records),
            ]
            rates = [await measure(broker, server.admin_dsn, own, run) for run in runs]
    for run, rate in zip(runs, rates, strict=True):
        print(f"{run.name:<24}{rate:>10,.0f} records/s{rate / rates[1]:>8.2f}×")


async def publish(broker: Broker, own: Club, records: int, partitions: int) -> None:
    """Ten events per user, interleaved like live traffic."""
    async with topic(broker.bootstrap, own, partitions=partitions) as opened_topic:
        for _ in range(records // 1000):
            people = [User(own) for _ in range(100)]
            await publish_rounds(opened_topic, people, 10)


async def publish_rounds(opened_topic: Topic, people: list[User], rounds: int) -> None:
    await opened_topic.publish(*(event for _ in range(rounds) for person in people for event in person.tells("name")))


async def measure(broker: Broker, admin_dsn: str, own: Club, run: Run) -> float:
    """Measures from the first committed batch to the last, so that joining the group does not
    count.
    """
    async with (
        fresh_database(admin_dsn) as database,
        opened(database.app) as pool,
        connected(admin_dsn, database) as look,
        # A separate group for each run, so that none waits for another's session to end.
        consuming(broker.bootstrap, pool, own, run.consumer, run.policy, group=secrets.token_hex(4)),
    ):
        begun, before = await progress(look, at_least=1)
        ended, after = await progress(look, at_least=run.records)
    return (after - before) / (ended - begun)


async def progress(look: asyncpg.Connection, *, at_least: int) -> tuple[float, int]:
    while True:
        taken_in = await look.fetchval("select coalesce(sum(next_offset), 0)::int from consumer_offsets")
        if taken_in >= at_least:
            return time.perf_counter(), taken_in
        await asyncio.sleep(0.005)


@asynccontextmanager
async def fresh_database(admin_dsn: str) -> AsyncIterator[ServiceDatabase]:
    admin = await asyncpg.connect(admin_dsn)
    passwords = {role: secrets.token_urlsafe(24) for role in Role}
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
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    given = parser.parse_args()
    asyncio.run(main(given.records, given.partitions))
