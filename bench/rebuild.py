"""Compares the records per second of a rebuild with those of the live consumer, on the same topic
in the same run (row B5).

    python -m bench.rebuild [--records 10000 100000] [--partitions 4] [--processes 1 2] [--rounds 2]

Starts a separate broker and database server. Compare the ratios: absolute values depend on the
machine. The live consumer processes the topic from its beginning, in whole batches, to the last
record. Then its rows are rebuilt from the topic and compared with the live ones, by each number of
processes in turn; the order is reversed in every second round. Processor time is that of the
toolkit's processes, without the broker and the database.
"""

import argparse
import asyncio
import resource
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import uvloop

from bench.consumer_throughput import connected, fresh_database, progress, publish
from tests.fixtures.club import Club, club, consuming, opened
from waypost.engine.process import tune_garbage_collector
from waypost.engine.rebuild import Processes, rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.rebuild import PostgresShadowFactory
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka
from waypost.testing.postgres import running_postgres


@dataclass(slots=True)
class Arm:
    name: str
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    """Microseconds of processor time per record."""

    def add(self, records: int, seconds: float, cpu_seconds: float) -> None:
        self.rates.append(records / seconds)
        self.cpu_us.append(cpu_seconds / records * 1e6)

    def show(self, live: "Arm") -> None:
        rate, of_live = statistics.median(self.rates), statistics.median(live.rates)
        cpu_us = statistics.median(self.cpu_us)
        print(f"  {self.name:<24}{rate:>10,.0f} records/s{rate / of_live:>8.2f}×{cpu_us:>8.1f} µs CPU a record")


async def main(given: argparse.Namespace) -> None:
    with scratch_folder() as folder:
        async with running_kafka(folder) as broker, running_postgres(folder) as server:
            for records in given.records:
                own = club(f"bench{records}")
                await publish(broker, own, records, given.partitions)
                async with fresh_database(server.admin_dsn) as database:
                    live = Arm("live consumer")
                    # uvloop cannot start the server, whose process changes its user; a service
                    # runs on uvloop.
                    measured = consume(broker.bootstrap, server.admin_dsn, database, own, records, live)
                    await asyncio.to_thread(uvloop.run, measured)
                    compared = compare(broker.bootstrap, database, own, live, given.processes, given.rounds)
                    await asyncio.to_thread(uvloop.run, compared)


async def consume(
    bootstrap: str, admin_dsn: str, database: ServiceDatabase, own: Club, records: int, live: Arm
) -> None:
    """Measures from the first committed batch to the last."""
    async with (
        opened(database.app) as pool,
        connected(admin_dsn, database) as look,
        consuming(bootstrap, pool, own, own.members),
    ):
        begun, before = await progress(look, at_least=1)
        cpu_begun = cpu_seconds()
        ended, after = await progress(look, at_least=records)
        live.add(after - before, ended - begun, cpu_seconds() - cpu_begun)


async def compare(
    bootstrap: str, database: ServiceDatabase, own: Club, live: Arm, processes: Sequence[int], rounds: int
) -> None:
    arms = {number: Arm(f"rebuild, {number} processes") for number in processes}
    records = 0
    for turn in range(rounds):
        for number, arm in arms.items() if turn % 2 == 0 else reversed(arms.items()):
            begun = cpu_seconds()
            report = await rebuild_async_projection(
                own.members,
                PostgresShadowFactory("club", own.members, app_dsn=database.app, owner_dsn=database.owner),
                KafkaTopicLogs(bootstrap),
                own.codec,
                processes=Processes(at_most=number, records_each=1),
                dry_run=True,
            )
            assert all(comparison.equal for comparison in report.comparison.comparisons)
            arm.add(records := report.records, report.seconds, cpu_seconds() - begun)
    print(f"{records:,} records")
    for arm in (live, *arms.values()):
        arm.show(live)
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"  largest process so far  {largest / 1024:>10,.0f} MB")


def cpu_seconds() -> float:
    """Processor time of this process and its ended forks."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[100_000])
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    tune_garbage_collector()
    asyncio.run(main(parser.parse_args()))
