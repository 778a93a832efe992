"""One effect per event, however often its record is delivered (rows 14 and 29 of the fault
matrix).
"""

from datetime import timedelta
from functools import partial

from tests.fixtures.club import Stage
from waypost.ports.consumers import Consumer
from waypost.testing.eventually import eventually

FORGOTTEN = timedelta(seconds=-60)
"""An inbox with a retention of zero, for events of any age."""


def both(stage: Stage) -> tuple[Consumer, Consumer]:
    return stage.club.members, stage.club.greetings


async def test_five_times_in_one_batch(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    told = ann.tells("Ann", "Anna")
    await stage.topic.publish(*told * 5, *bob.tells("Bob"))

    members, greetings = both(stage)
    async with stage.consuming(members), stage.consuming(greetings):
        await eventually(lambda: stage.reached(11))
    assert await stage.names(ann, bob) == [["Ann", "Anna"], ["Bob"]]
    assert await stage.greeted(ann, bob) == [[1, 2], [1]]
    assert await stage.dead_letters() == []


async def test_five_times_in_five_batches(stage: Stage) -> None:
    ann = stage.user()
    told = ann.tells("Ann", "Anna")

    members, greetings = both(stage)
    async with stage.consuming(members), stage.consuming(greetings):
        for times in range(1, 6):
            await stage.topic.publish(*told)
            await eventually(partial(stage.reached, 2 * times))
    assert await stage.names(ann) == [["Ann", "Anna"]]
    assert await stage.greeted(ann) == [[1, 2]]


async def test_a_duplicate_that_the_inbox_has_forgotten_is_known_by_the_guard(stage: Stage) -> None:
    ann = stage.user()
    told = ann.tells("Ann", "Anna")
    await stage.topic.publish(*told)
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2, consumers=1))

    await stage.rows("delete from processed_messages returning 1")
    await stage.topic.publish(*told)
    async with stage.consuming(stage.club.greetings, duplicate_window=FORGOTTEN):
        await eventually(lambda: stage.reached(4, consumers=1))
    assert await stage.greeted(ann) == [[1, 2]]
    assert await stage.dead_letters() == []


async def test_a_second_event_under_a_handled_version_is_kept_and_parks_nothing(stage: Stage) -> None:
    ann = stage.user()
    first = ann.tells("Ann")
    ann.version = 0
    second = ann.tells("Another user")
    await stage.topic.publish(*first, *second, *ann.tells("Anna"))

    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(3, consumers=1))
    assert await stage.greeted(ann) == [[1, 2]]
    assert await stage.dead_letters() == [("dead", 1, 1, "version-conflict")]
    assert await stage.parked() == []
