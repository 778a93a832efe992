"""Compares the records per second of a rebuild with those of the live consumer, on the same topic
in the same run.

    python -m bench.rebuild [--records 100000] [--partitions 4]

Starts a separate broker and database server. Compare the ratio: absolute values depend on the
machine. The live consumer processes the topic from its beginning, in whole batches, to the last
record; then its rows are rebuilt from the topic, compared with the live ones and swapped.
"""

import argparse
import asyncio

from bench.consumer_throughput import connected, fresh_database, progress, publish
from tests.fixtures.club import Club, club, consuming, opened
from waypost.engine.rebuild import RebuildReport, rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.rebuild import PostgresShadowFactory
from waypost.testing.folders import scratch_folder
from waypost.testing.kafka import running_kafka
from waypost.testing.postgres import running_postgres


async def main(records: int, partitions: int) -> None:
    with scratch_folder() as folder:
        async with running_kafka(folder) as broker, running_postgres(folder) as server:
            own = club("bench")
            await publish(broker.bootstrap, own, records, partitions)
            async with fresh_database(server.admin_dsn) as database:
                live = await live_rate(broker.bootstrap, server.admin_dsn, database, own, records)
                report = await rebuilt(broker.bootstrap, database, own)
    rate = report.records / report.seconds
    print(f"{'live consumer':<16}{live:>10,.0f} records/s")
    print(f"{'rebuild':<16}{rate:>10,.0f} records/s{rate / live:>8.2f}×   {report.records:,} in {report.seconds:.1f} s")


async def live_rate(bootstrap: str, admin_dsn: str, database: ServiceDatabase, own: Club, records: int) -> float:
    """Measures from the first committed batch to the last."""
    async with (
        opened(database.app) as pool,
        connected(admin_dsn, database) as look,
        consuming(bootstrap, pool, own, own.members),
    ):
        begun, before = await progress(look, at_least=1)
        ended, after = await progress(look, at_least=records)
    return (after - before) / (ended - begun)


async def rebuilt(bootstrap: str, database: ServiceDatabase, own: Club) -> RebuildReport:
    shadow_factory = PostgresShadowFactory("club", own.members, app_dsn=database.app, owner_dsn=database.owner)
    report = await rebuild_async_projection(own.members, shadow_factory, KafkaTopicLogs(bootstrap), own.codec)
    assert report.swapped
    assert all(comparison.equal for comparison in report.comparison.comparisons)
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=4)
    given = parser.parse_args()
    asyncio.run(main(given.records, given.partitions))
