"""Records that are deleted from a topic before a consumer reads them are reported (report F3)."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from structlog.testing import capture_logs

from tests.fixtures.club import Stage
from waypost.engine.consumer import ConsumerGroup
from waypost.engine.consumer.lost_records import RecordsLost
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin

FILLER = b"x" * 200_000
"""A fetch holds one megabyte of a partition, so the client cannot fetch many of them ahead."""


async def delete_below(stage: Stage, offset: int) -> None:
    async with admin(stage.bootstrap) as client:
        await client.delete_records({TopicPartition(stage.club.topic, 0): RecordsToDelete(before_offset=offset)})


async def makes_progress(group: ConsumerGroup) -> str:
    try:
        await group.makes_progress()
    except RecordsLost as error:
        return str(error)
    return ""


async def test_records_deleted_while_the_consumer_was_away(stage: Stage) -> None:
    bob = stage.user()
    await stage.topic.publish(*stage.user().tells("Ann", "Anna"))
    async with stage.consuming(stage.club.members) as group:
        await eventually(lambda: stage.reached(2, consumers=1))
        assert not await makes_progress(group)
    await stage.topic.publish(*stage.user().tells("lost", "lost", "lost"))
    await delete_below(stage, 5)
    with capture_logs() as logs:
        async with stage.consuming(stage.club.members) as group:
            await eventually(lambda: makes_progress(group))  # before another record arrives
            assert "events republish" in await makes_progress(group)
        async with stage.consuming(stage.club.members) as group:
            await group.ready.wait()
            await stage.topic.publish(*bob.tells("Bob"))
            await eventually(lambda: stage.reached(6, consumers=1))
            assert not await makes_progress(group)
    (reported,) = (entry for entry in logs if entry["event"] == "records_lost")
    assert (reported["position"], reported["first_offset"]) == (2, 5)
    assert await stage.names(bob) == [["Bob"]]


@pytest.mark.parametrize("is_new", [True, False])
async def test_first_records_deleted_before_a_consumer_has_read_one(stage: Stage, is_new: bool) -> None:
    """A new consumer reads what the topic still has; an assigned one has lost records."""
    bob = stage.user()
    if not is_new:
        async with stage.consuming(stage.club.members):
            await eventually(lambda: stage.rows("select topic_id from consumer_offsets"))
    await stage.topic.publish(*stage.user().tells("lost", "lost"), *bob.tells("Bob"))
    await delete_below(stage, 2)
    with capture_logs() as logs:
        async with stage.consuming(stage.club.members) as group:
            await eventually(lambda: stage.reached(3, consumers=1))
            assert bool(await makes_progress(group)) is not is_new
    events = {entry["event"] for entry in logs} & {"records_lost", "first_records_deleted"}
    assert events == {"first_records_deleted" if is_new else "records_lost"}
    assert await stage.names(bob) == [["Bob"]]


async def test_records_deleted_in_front_of_a_running_consumer(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    handling, deleted = asyncio.Event(), asyncio.Event()

    async def slow(told: Envelope[Any], uow: UnitOfWork) -> None:
        handling.set()
        await deleted.wait()
        await stage.club.greet(told, uow)

    await stage.topic.publish(*ann.tells("Ann"))
    async with stage.consuming(Reactor("greetings", {stage.club.created: slow})) as group:
        await handling.wait()
        for _ in range(30):
            await stage.topic.publish_raw(key=None, value=FILLER, headers=[])
        await stage.topic.publish(*bob.tells("Bob"))
        await delete_below(stage, 31)
        deleted.set()
        await eventually(lambda: stage.reached(32, consumers=1))
        assert "events republish" in await makes_progress(group)
    assert await stage.greeted(ann, bob) == [[1], [1]]
