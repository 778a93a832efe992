"""A key or a tenant with more failures than its limit leaves its records on the topic. Others are
handled meanwhile; later the records are handled in order, each once (finding A10).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.test_consumer_dead_letter_limit import PATIENT, discard_first
from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.club.stage import IMPATIENT
from tests.integration.consumer.rebuilds import rebuilt
from waypost.engine.retry import RetryPolicy
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Consumer
from waypost.testing.eventually import eventually

PERSISTENT = replace(IMPATIENT, retry=replace(IMPATIENT.retry, max_attempts=10_000))
"""A failed event is retried until its handler succeeds."""
LIMITS: dict[str, Any] = {"max_dead_letters": 8, "max_dead_letters_per_key": 3, "max_dead_letters_per_tenant": 6}
HOT = 20


def refuse(*hot: User) -> Any:
    ids = {user.id for user in hot}

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.aggregate_id in ids:
            raise RuntimeError("no one reads this")

    return trouble


def consumer_of(stage: Stage, name: str) -> Consumer:
    return stage.club.members if name == "members" else stage.club.greetings


async def handled(stage: Stage, name: str, *users: User) -> list[int]:
    """The number of events handled per user; fails if they were out of order or repeated."""
    if name == "members":
        told = await stage.names(*users)
        assert all(each == [str(number) for number in range(1, len(each) + 1)] for each in told), told
    else:
        versions = await stage.greeted(*users)
        assert all(each == list(range(1, len(each) + 1)) for each in versions), versions
        told = [list(map(str, each)) for each in versions]
    return [len(each) for each in told]


def numbered(user: User, events: int) -> list[Envelope[Any]]:
    return user.tells(*(str(number) for number in range(user.version + 1, user.version + events + 1)))


async def deferred_from(stage: Stage) -> Sequence[int]:
    rows = await stage.rows("select deferred_from from parked_keys where deferred_from is not null order by 1")
    return [offset for (offset,) in rows]


async def publish_mixed(stage: Stage, hot: User, other: User) -> None:
    """Each event of the hot key before one of the other."""
    pairs = zip(numbered(hot, HOT), numbered(other, HOT), strict=True)
    await stage.topic.publish(*(event for pair in pairs for event in pair))


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_hot_key_stops_no_other_and_recovers_in_order(stage: Stage, name: str) -> None:
    hot, other = stage.user(), stage.user()
    stage.club.trouble = refuse(hot)
    async with stage.consuming(consumer_of(stage, name), PERSISTENT, **LIMITS) as group:
        await publish_mixed(stage, hot, other)

        async def other_is_handled() -> bool:
            return await handled(stage, name, hot, other) == [0, HOT]

        await eventually(other_is_handled)
        await group.makes_progress()
        assert len(await stage.dead_letters()) == 3
        assert await deferred_from(stage) == [6]

        stage.club.trouble = no_trouble
        await stage.topic.publish(*numbered(hot, 2), *numbered(other, 1))  # while the key is drained

        async def all_are_handled() -> bool:
            return await handled(stage, name, hot, other) == [HOT + 2, HOT + 1] and not await stage.parked()

        await eventually(all_are_handled)
        assert {status for status, *_ in await stage.dead_letters()} == {"redriven"}
        await stage.topic.publish(*numbered(hot, 1))

        async def flows_again() -> bool:
            return await handled(stage, name, hot) == [HOT + 3]

        await eventually(flows_again)


@pytest.mark.parametrize("name", ["members", "greetings"])
@pytest.mark.parametrize("point", ["deferred.after_store", "deferred.after_commit"])
async def test_process_killed_while_it_reads_deferred_records(stage: Stage, name: str, point: str) -> None:
    hot, other = stage.user(), stage.user()
    stage.club.trouble = refuse(hot)
    consumer = consumer_of(stage, name)
    await publish_mixed(stage, hot, other)
    async with stage.consuming(consumer, PERSISTENT, **LIMITS):
        await eventually(lambda: stage.reached(2 * HOT, consumers=1))
    stage.club.trouble = no_trouble
    for _ in range(2):
        async with stage.worker(consumer, failpoints=f"{point}=kill", tries=10_000, **LIMITS) as worker:
            assert await worker.wait() < 0
    async with stage.consuming(consumer, PERSISTENT, **LIMITS):

        async def all_are_handled() -> bool:
            return await handled(stage, name, hot, other) == [HOT, HOT] and not await stage.parked()

        await eventually(all_are_handled)
    assert {status for status, *_ in await stage.dead_letters()} == {"redriven"}


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_tenant_with_many_failing_keys_stops_no_other(stage: Stage, name: str) -> None:
    failing = [first := stage.user(), *(stage.user(first) for _ in range(11))]
    other = stage.user()
    stage.club.trouble = refuse(*failing)
    events = [event for user in failing for event in numbered(user, 2)]
    async with stage.consuming(consumer_of(stage, name), PERSISTENT, **LIMITS) as group:
        await stage.topic.publish(*events, *numbered(other, 2))

        async def other_is_handled() -> bool:
            return await handled(stage, name, other) == [2]

        await eventually(other_is_handled)
        await group.makes_progress()
        assert len(await stage.dead_letters()) == 6
        assert len(await deferred_from(stage)) == 9

        stage.club.trouble = no_trouble

        async def all_are_handled() -> bool:
            return await handled(stage, name, *failing) == [2] * 12 and not await stage.parked()

        await eventually(all_are_handled)


async def test_events_published_again_beside_deferred_ones_are_handled_once(stage: Stage) -> None:
    hot = stage.user()
    stage.club.trouble = refuse(hot)
    events = numbered(hot, HOT)
    await stage.topic.publish(*events)
    async with stage.consuming(stage.club.greetings, PERSISTENT, **LIMITS):
        await eventually(lambda: stage.reached(HOT, consumers=1))
        await stage.topic.publish(*events)
        await eventually(lambda: stage.reached(2 * HOT, consumers=1))
        stage.club.trouble = no_trouble

        async def all_are_handled() -> bool:
            return await handled(stage, "greetings", hot) == [HOT] and not await stage.parked()

        await eventually(all_are_handled)
    assert {status for status, *_ in await stage.dead_letters()} == {"redriven"}


async def test_version_that_dead_letters_wait_for_is_among_the_deferred_records(stage: Stage) -> None:
    """The topic holds a version behind later ones, as after `events republish`."""
    ann = stage.user()
    first, second, *rest = numbered(ann, 8)
    async with stage.consuming(stage.club.greetings, PERSISTENT, **LIMITS):
        await stage.topic.publish(*rest, second, first)

        async def all_are_handled() -> bool:
            return await handled(stage, "greetings", ann) == [8] and not await stage.parked()

        await eventually(all_are_handled)


async def test_deferred_records_of_a_recreated_topic_are_read_from_its_beginning(stage: Stage) -> None:
    hot = stage.user()
    stage.club.trouble = refuse(hot)
    events = numbered(hot, HOT)
    await stage.topic.publish(*stage.user().tells(*"abcdefgh"), *events)
    async with stage.consuming(stage.club.greetings, PERSISTENT, **LIMITS):
        await eventually(lambda: stage.reached(HOT + 8, consumers=1))
        assert await deferred_from(stage) == [11]
    await stage.recreate_topic()
    async with stage.consuming(stage.club.greetings, PERSISTENT, **LIMITS):
        await stage.topic.publish(*events)
        await eventually(lambda: stage.reached(HOT, consumers=1))
        stage.club.trouble = no_trouble

        async def all_are_handled() -> bool:
            return await handled(stage, "greetings", hot) == [HOT] and not await stage.parked()

        await eventually(all_are_handled)


async def test_discarded_dead_letters_are_followed_by_deferred_records(stage: Stage) -> None:
    hot = stage.user()
    stage.club.trouble = refuse(hot)
    await stage.topic.publish(*numbered(hot, 5))
    async with stage.consuming(stage.club.greetings, PATIENT, **LIMITS) as group:
        await eventually(lambda: stage.reached(5, consumers=1))
        for sequence in range(1, 6):

            async def is_dead(wanted: int = sequence) -> bool:
                return (await stage.dead_letters())[-1:] != [] and ("dead", wanted) in [
                    (status, version) for status, version, *_ in await stage.dead_letters()
                ]

            await eventually(is_dead)
            await discard_first(stage, group)

        async def is_unparked() -> bool:
            return not await stage.parked()

        await eventually(is_unparked)
    assert [status for status, *_ in await stage.dead_letters()] == ["discarded"] * 5
    assert await stage.greeted(hot) == [[]]


async def test_rebuild_handles_deferred_records(stage: Stage) -> None:
    hot, other = stage.user(), stage.user()
    stage.club.trouble = refuse(hot)
    await publish_mixed(stage, hot, other)
    async with stage.consuming(stage.club.members, PATIENT, **LIMITS):
        await eventually(lambda: stage.reached(2 * HOT, consumers=1))
    stage.club.trouble = no_trouble
    assert (await rebuilt(stage)).swapped
    assert await handled(stage, "members", hot, other) == [HOT, HOT]
    assert await stage.parked() == []
    async with stage.consuming(stage.club.members, PATIENT, **LIMITS):
        await stage.topic.publish(*numbered(hot, 1))

        async def flows_again() -> bool:
            return await handled(stage, "members", hot) == [HOT + 1]

        await eventually(flows_again)


def test_limits_of_the_product_are_far_below_the_limit_of_the_consumer() -> None:
    policy = replace(IMPATIENT, retry=RetryPolicy())
    assert policy.max_dead_letters_per_key * 10 <= policy.max_dead_letters
    assert policy.max_dead_letters_per_tenant * 4 <= policy.max_dead_letters
