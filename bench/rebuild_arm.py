"""One rebuild of the club's read model, alone in a process, for `bench.rebuild_rows`.

python -m bench.rebuild_arm BOOTSTRAP APP_DSN OWNER_DSN TOPIC PROCESSES
"""

import os
import sys
from dataclasses import replace

import uvloop

from bench.frame.cpu import Stopwatch
from bench.frame.programs import print_sample
from bench.frame.row import Sample
from tests.fixtures.club import Club, club
from waypost.engine.process import tune_garbage_collector
from waypost.engine.rebuild import Processes, rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.postgres.rebuild import PostgresShadowFactory


async def rebuild(bootstrap: str, app_dsn: str, owner_dsn: str, own: Club, processes: int) -> Sample:
    """Includes the comparison with the live rows, which must be equal, and the swap."""
    watch = Stopwatch(os.getpid())
    shadows = PostgresShadowFactory("club", own.members, app_dsn=app_dsn, owner_dsn=owner_dsn)
    report = await rebuild_async_projection(
        own.members,
        shadows,
        KafkaTopicLogs(bootstrap),
        own.codec,
        processes=Processes(at_most=processes, records_each=1),
    )
    assert report.swapped
    assert all(comparison.equal for comparison in report.comparison.comparisons)
    return watch.sample(report.records)


if __name__ == "__main__":
    tune_garbage_collector()
    bootstrap, app_dsn, owner_dsn, topic, processes = sys.argv[1:]
    own = replace(club(topic), by_aggregate=True)
    print_sample(uvloop.run(rebuild(bootstrap, app_dsn, owner_dsn, own, int(processes))))
