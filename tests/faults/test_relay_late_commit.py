"""Transactions that allocate their outbox ids early and commit late: rows appear behind rows that
were already sent (fault matrix 37).
"""

import asyncio
import random

from tests.faults.relay_rig import Rig
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker

AGGREGATE = "00000000-0000-7000-8000-000000000001"
NEIGHBOUR = "00000000-0000-7000-8000-000000000002"
"""Keys of the same shard."""


async def test_a_row_that_commits_behind_a_sent_one_is_published(rig: Rig) -> None:
    """A allocates an id for v2, B allocates a later one and is sent first; then A commits, and v3
    follows.
    """
    await rig.start_relay()
    await rig.write(AGGREGATE, b"v1")
    async with connected(rig.database.owner) as slow:
        async with slow.transaction():
            await rig.write(AGGREGATE, b"v2", connection=slow)
            await rig.write(NEIGHBOUR, b"b")
            await eventually(lambda: _is_on_the_topic(rig, NEIGHBOUR), deadline_seconds=20)
        await rig.write(AGGREGATE, b"v3")
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_v3_does_not_pass_a_v2_that_commits_behind_a_row_in_flight(
    rig_on_own_kafka: Rig, own_kafka: Broker
) -> None:
    """B is sent but not acknowledged when A commits v2 behind it and v3 follows: the next read must
    contain both.
    """
    rig = rig_on_own_kafka
    await rig.start_relay()
    await rig.write(AGGREGATE, b"v1")
    await rig.until_drained()
    async with connected(rig.database.owner) as slow:
        async with slow.transaction():
            await rig.write(AGGREGATE, b"v2", connection=slow)
            own_kafka.pause()
            written = await rig.owner.fetchval("select clock_timestamp()")
            await rig.write(NEIGHBOUR, b"b")
            await rig.until_read_since(written)
            before = await rig.last_read()
        await rig.write(AGGREGATE, b"v3")
        await rig.until_read_since(before)
    own_kafka.resume()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_writers_that_commit_in_any_order_lose_nothing(rig: Rig) -> None:
    """Each aggregate has one writer, as its version lock enforces; their transactions overlap and
    commit in any order.
    """
    await asyncio.gather(rig.start_relay(), rig.start_relay())
    await asyncio.gather(*(_write_slowly(rig, seed) for seed in range(8)))
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def _write_slowly(rig: Rig, seed: int) -> None:
    pace = random.Random(seed)  # noqa: S311 - a reproducible order, no secret
    keys = [f"00000000-0000-7000-8000-{seed * 10 + number:012}" for number in range(3)]
    async with connected(rig.database.owner) as connection:
        for version in range(40):
            async with connection.transaction():
                for key in pace.sample(keys, 2):
                    await rig.write(key, str(version).encode(), connection=connection)
                await connection.execute("select pg_sleep($1)", pace.expovariate(200))


async def _is_on_the_topic(rig: Rig, key: str) -> bool:
    return key in await rig.first_appearances()
