"""A consumer that is killed at any step leaves one effect per event (rows 11 to 15 of the fault
matrix).
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.fixtures.club import IMPATIENT, Stage
from waypost.kernel.backoff import Backoff
from waypost.kernel.envelope import Envelope
from waypost.testing.eventually import eventually

LATER = replace(IMPATIENT.retry, pauses=Backoff(first_seconds=60, max_seconds=60))
"""Not within this test, unless it is made due."""
POINTS = ["after_poll", "after_claim", "after_effect", "after_commit", "after_offset_commit"]


@pytest.mark.parametrize("name", ["members", "greetings"])
@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(stage: Stage, point: str, name: str) -> None:
    consumer = stage.club.members if name == "members" else stage.club.greetings
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"), *bob.tells("Bob"))

    async with stage.worker(consumer, failpoints=f"consumer.{point}=kill") as worker:
        async with asyncio.timeout(20):
            assert await worker.wait() < 0
    assert (await stage.consumer_position() != [0]) == point.endswith("commit")

    # A separate group does not wait for the dead member's session to end: its position is in the
    # database.
    async with stage.worker(consumer, group="successor"):
        await eventually(lambda: stage.reached(3, consumers=1), deadline_seconds=25)
    if name == "members":
        assert await stage.names(ann, bob) == [["Ann", "Anna"], ["Bob"]]
    else:
        assert await stage.greeted(ann, bob) == [[1, 2], [1]]
    assert await stage.dead_letters() == []


async def test_a_position_lost_after_the_commit_handles_nothing_twice(stage: Stage) -> None:
    """A lost commit acknowledgement looks like this to the consumer: the records are delivered
    again.
    """
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2, consumers=1))
    await stage.rows("update consumer_offsets set next_offset = 0 returning 1")
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2, consumers=1))
    assert await stage.greeted(ann) == [[1, 2]]


MAKE_DUE = """
with due as (update parked_keys set due_at = now()) update dead_letters set next_attempt_at = now() returning 1"""


@pytest.mark.parametrize("point", ["after_count", "after_effect", "after_commit"])
async def test_killed_in_a_retry_at(stage: Stage, point: str) -> None:
    ann = stage.user()
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    stage.club.trouble = _failing
    async with stage.consuming(stage.club.greetings, retry=LATER):
        await eventually(lambda: stage.reached(2, consumers=1))
    assert [dead_letter[:2] for dead_letter in await stage.dead_letters()] == [("retrying", 1), ("waiting", 2)]

    await stage.rows(MAKE_DUE)
    async with stage.worker(stage.club.greetings, failpoints=f"retries.{point}=kill") as worker:
        async with asyncio.timeout(20):
            assert await worker.wait() < 0
    assert await stage.greeted(ann) == [[1] if point == "after_commit" else []]

    async def flows() -> bool:
        return await stage.parked() == []

    async with stage.worker(stage.club.greetings, group="successor"):
        await eventually(flows, deadline_seconds=25)
    assert await stage.greeted(ann) == [[1, 2]]
    assert [this_dead_letter[:2] for this_dead_letter in await stage.dead_letters()] == [
        ("redriven", 1),
        ("redriven", 2),
    ]


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_record_that_ends_the_process_is_dead_lettered_and_others_flow(stage: Stage, name: str) -> None:
    consumer = stage.club.members if name == "members" else stage.club.greetings
    ann, eve = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("Ann"), *eve.tells("process_ending", "Eva"), *ann.tells("Anna"))

    deaths = 0
    while not await stage.reached(4, consumers=1) or ("dead", 1) not in [
        this_dead_letter[:2] for this_dead_letter in await stage.dead_letters()
    ]:
        async with stage.worker(
            consumer, group=str(deaths), isolate_after_starts=2, dead_letter_after_starts=3, tries=2
        ) as worker:
            done = asyncio.ensure_future(settled(stage))
            died = asyncio.ensure_future(worker.wait())
            await asyncio.wait([done, died], return_when=asyncio.FIRST_COMPLETED, timeout=20)
            deaths += died.done()
            done.cancel()
            died.cancel()
        assert deaths < 12
    if name == "members":
        assert await stage.names(ann, eve) == [["Ann", "Anna"], []]
    else:
        assert await stage.greeted(ann, eve) == [[1, 2], []]
    assert [dead_letter[:2] for dead_letter in await stage.dead_letters()] == [("dead", 1), ("waiting", 2)]


def _failing(envelope: Envelope[Any]) -> None:
    raise RuntimeError("not today")


async def settled(stage: Stage) -> None:
    async def dead() -> bool:
        return ("dead", 1) in [dead_letter[:2] for dead_letter in await stage.dead_letters()]

    await eventually(dead, deadline_seconds=20)
