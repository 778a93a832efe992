"""Handlers that exceed their time limit, and partitions that are revoked during processing (row 28
of the fault matrix).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.fixtures.club import Stage
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.eventually import eventually


def greetings(stage: Stage, before: Callable[[Envelope[Any]], Awaitable[object]]) -> Reactor:
    """The club's reactor, with a hook that runs first."""

    async def greet(told: Envelope[Any], uow: UnitOfWork) -> None:
        await before(told)
        await stage.club.greet(told, uow)

    return Reactor("greetings", {stage.club.created: greet, stage.club.updated: greet})


async def test_handler_time_out_delays_only_its_own_key(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    better = asyncio.Event()

    async def slow(told: Envelope[Any]) -> None:
        if told.event.display_name == "Ann":
            await better.wait()

    async with stage.consuming(greetings(stage, slow), handler_seconds=0.3):
        await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob", "Bobby"))

        async def bob_flows() -> bool:
            return await stage.greeted(ann, bob) == [[], [1, 2]]

        await eventually(bob_flows)
        assert await stage.rows("select status, error from dead_letters order by kafka_offset") == [
            ("retrying", "the handler took longer than 0.3 s"),
            ("waiting", None),
        ]
        better.set()

        async def ann_flows() -> bool:
            return await stage.greeted(ann) == [[1, 2]]

        await eventually(ann_flows)


async def test_a_partition_taken_away_in_the_middle_of_its_records_is_handled_once(stage: Stage) -> None:
    ann = stage.user()
    in_hand, never = asyncio.Event(), asyncio.Event()

    async def stuck_the_first_time(told: Envelope[Any]) -> None:
        if not in_hand.is_set():
            in_hand.set()
            await never.wait()

    consumer = greetings(stage, stuck_the_first_time)
    async with stage.consuming(consumer, handler_seconds=300.0, revoke_seconds=0.2):
        await stage.topic.publish(*ann.tells("Ann", "Anna"))
        async with asyncio.timeout(20):
            await in_hand.wait()
        async with stage.consuming(consumer):  # another member of the group: every partition is revoked for a moment
            await eventually(lambda: stage.reached(2, consumers=1), deadline_seconds=30)
            await stage.topic.publish(*ann.tells("Annie"))
            await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=30)
    assert await stage.greeted(ann) == [[1, 2, 3]]
    assert await stage.dead_letters() == []
