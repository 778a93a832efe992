"""A history of many tenants on one topic, for B13: the events of 1,000 tenants over 16 partitions.

    python -m bench.history BOOTSTRAP DSN TOPIC RECORDS

is one worker process. It prints `ready`, waits for a line on its input, projects its partitions and
prints its sample.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import uvloop

from bench.consumer_arms import progress
from bench.frame.cpu import Stopwatch
from bench.frame.programs import print_sample
from bench.frame.row import Sample
from tests.fixtures.club import Club, User, club, consuming, opened, topic
from waypost.engine.process import tune_garbage_collector
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import TenantId, new_id

PARTITIONS = 16
TENANTS = 1000
USERS_OF_TENANT, EVENTS_OF_USER = 5, 2
"""In each window. New users come with each window, so that no row grows with the history."""
WINDOW = TENANTS * USERS_OF_TENANT * EVENTS_OF_USER


async def publish(bootstrap: str, own: Club, records: int) -> None:
    """Whole windows. A batch of a partition contains events of hundreds of tenants."""
    tenants = [TenantId(new_id()) for _ in range(TENANTS)]
    order = random.Random(records)  # noqa: S311 - no secret
    async with topic(bootstrap, own, partitions=PARTITIONS) as opened_topic:
        for _ in range(records // WINDOW):
            await opened_topic.publish(*window(own, tenants, order))


def window(own: Club, tenants: Sequence[TenantId], order: random.Random) -> Iterator[Envelope[Any]]:
    users = [User(own, tenant) for tenant in tenants for _ in range(USERS_OF_TENANT)]
    turns = users * EVENTS_OF_USER
    order.shuffle(turns)
    for user in turns:
        yield from user.tells("name")


async def work(bootstrap: str, dsn: str, own: Club, records: int) -> Sample:
    """From the first commit of any process to the last."""
    async with opened(dsn) as database, consuming(bootstrap, database, own, own.members):
        first, watch = await progress(database, at_least=1), Stopwatch()
        return watch.sample(await progress(database, at_least=records) - first)


def main(bootstrap: str, dsn: str, name: str, records: str) -> None:
    tune_garbage_collector()
    own = club(name)
    print("ready", flush=True)
    sys.stdin.readline()
    print_sample(uvloop.run(work(bootstrap, dsn, own, int(records))))


if __name__ == "__main__":
    main(*sys.argv[1:])
