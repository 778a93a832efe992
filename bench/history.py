"""A history of many tenants on one topic, for B13: the events of 1,000 tenants over 16 partitions.

    python -m bench.history BOOTSTRAP DSN TOPIC RECORDS

is one worker process. It prints `ready`, waits for a line on its input, projects its partitions and
prints its sample. Its handler writes the rows of a batch by one statement, because the server
parses all bound tenants for each statement (decision 0044).
"""

import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import uvloop
from sqlalchemy import ARRAY, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

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

WRITE_NAMES = text(
    """
    insert into members as known (tenant_id, user_id, names)
    select tenant_id, user_id, string_to_array(names, ' ')
    from unnest(:tenants, :users, :names) as new (tenant_id, user_id, names)
    on conflict (tenant_id, user_id) do update set names = known.names || excluded.names"""
).bindparams(
    bindparam("tenants", type_=ARRAY(Uuid)),
    bindparam("users", type_=ARRAY(Uuid)),
    bindparam("names", type_=ARRAY(Text)),
)


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


async def write_names(events: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    names: dict[tuple[UUID, UUID], list[str]] = defaultdict(list)
    for envelope in events:
        names[envelope.tenant_id, envelope.aggregate_id].append(envelope.event.display_name)
    tenants, users = zip(*names, strict=True)
    told = [" ".join(each) for each in names.values()]
    await rows.execute(WRITE_NAMES, {"tenants": tenants, "users": users, "names": told})


async def work(bootstrap: str, dsn: str, own: Club, records: int) -> Sample:
    """From the first commit of any process to the last."""
    members = replace(own.members, handlers=dict.fromkeys(own.members.handlers, write_names))
    async with (
        opened(dsn) as database,
        opened(dsn, pool_size=1) as observed,
        consuming(bootstrap, database, own, members),
    ):
        first, watch = await progress(observed, at_least=1), Stopwatch()
        return watch.sample(await progress(observed, at_least=records) - first)


def main(bootstrap: str, dsn: str, name: str, records: str) -> None:
    tune_garbage_collector()
    own = club(name)
    print("ready", flush=True)
    sys.stdin.readline()
    print_sample(uvloop.run(work(bootstrap, dsn, own, int(records))))


if __name__ == "__main__":
    main(*sys.argv[1:])
