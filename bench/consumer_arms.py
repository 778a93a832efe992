"""One consumer of the toolkit, alone in a process, for `bench.consumer_throughput`.

    python -m bench.consumer_arms projector|reactor BOOTSTRAP DSN TOPIC RECORDS HANDLER_US

Prints the time and the processor time from the first handler call to the last commit, as JSON. The
partitions process their batches side by side: a clock that begins at the first commit would count
the first batches of the others, but not their time.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.peers.handler_time import take
from tests.fixtures.club import club, consuming, opened
from tests.fixtures.club.declaration import Club
from tests.fixtures.club.tables import greetings
from waypost.engine.process import tune_garbage_collector
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection, Consumer, Reactor
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.database import Database

PROCESSED = "select coalesce(sum(next_offset), 0)::int from consumer_offsets"
WATCH_SECONDS = 0.02
"""The peers count their commits themselves: a longer pause would add its half to our time alone."""
GREET = greetings.insert()


class Began:
    """The time of the first handler call."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def note(self) -> None:
        if not self.seconds:
            self.seconds, self.cpu_seconds = time.perf_counter(), time.process_time()


def consumer_of(own: Club, arm: str, handler_us: int, began: Began) -> Consumer:
    """The club's projection or reactor; each event takes `handler_us` more."""

    async def write_names(events: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
        began.note()
        for _ in events if handler_us else ():
            await take(handler_us)
        await own.write_names(events, rows)

    async def greet(told: Envelope[Any], uow: UnitOfWork) -> None:
        began.note()
        if handler_us:
            await take(handler_us)
        await uow.rows.execute(
            GREET,
            {
                "tenant_id": told.tenant_id,
                "user_id": told.aggregate_id,
                "event_id": told.event_id,
                "version": told.aggregate_version,
            },
        )

    if arm == "projector":
        return AsyncProjection("members", dict.fromkeys(own.members.handlers, write_names), tables=own.members.tables)
    return Reactor("greetings", dict.fromkeys(own.greetings.handlers, greet))


async def measure(own: Club, arm: str, bootstrap: str, dsn: str, records: int, handler_us: int) -> dict[str, float]:
    began = Began()
    consumer = consumer_of(own, arm, handler_us, began)
    async with opened(dsn) as database, consuming(bootstrap, database, own, consumer):
        processed = await progress(database, at_least=records)
        seconds, cpu = time.perf_counter() - began.seconds, time.process_time() - began.cpu_seconds
    return {"records": processed, "seconds": seconds, "cpu": cpu}


async def progress(database: Database, *, at_least: int) -> int:
    """The records processed, once there are that many."""
    while True:
        async with database.autocommit() as connection:  # one round trip: its time is measured too
            processed = await connection.fetchval(PROCESSED)
        if processed >= at_least:
            return int(processed)
        await asyncio.sleep(WATCH_SECONDS)


if __name__ == "__main__":
    tune_garbage_collector()
    arm, bootstrap, dsn, topic, records, handler_us = sys.argv[1:]
    own = club(topic)
    measured = uvloop.run(measure(own, arm, bootstrap, dsn, int(records), int(handler_us)))
    print(json.dumps(measured))
