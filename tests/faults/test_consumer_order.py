"""Order per key survives failure, and a failing key does not delay other keys (rows 30 and 31 of
the fault matrix).
"""

from collections import Counter
from typing import Any

import pytest

from tests.fixtures.club import IMPATIENT, Stage
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.retry import RetryPolicy
from waypost.kernel.backoff import Backoff
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet, Permanent
from waypost.ports.consumers import Consumer
from waypost.ports.dead_letters import ParkedKey
from waypost.testing.eventually import eventually


class Trouble:
    """Raises for the events of one name, a given number of times."""

    def __init__(self, name: str, times: float, error: type[Exception] = RuntimeError) -> None:
        self.name = name
        self.times = times
        self.error = error
        self.tries: Counter[str] = Counter()

    def __call__(self, envelope: Envelope[Any]) -> None:
        self.tries[envelope.event.display_name] += 1
        if envelope.event.display_name == self.name and self.tries[self.name] <= self.times:
            raise self.error(f"no {self.name} today")


def consumer_of(stage: Stage, name: str) -> Consumer:
    return stage.club.members if name == "members" else stage.club.greetings


async def handled(stage: Stage, name: str, *users: Any) -> list[Any]:
    return await (stage.names(*users) if name == "members" else stage.greeted(*users))


BOTH = pytest.mark.parametrize("name", ["members", "greetings"])


@BOTH
async def test_event_that_fails_three_times_is_handled_in_order_and_others_flow(stage: Stage, name: str) -> None:
    ann, bob = stage.user(), stage.user()
    # In a batch the second name fails in the first transaction, then alone, then as a
    # dead letter.
    stage.club.trouble = Trouble("Anna", times=3 + (name == "members"))
    await stage.topic.publish(*ann.tells("Ann", "Anna", "Annie"), *bob.tells("Bob"), *ann.tells("Anne"), ann.verifies())

    async with stage.consuming(
        consumer_of(stage, name), retry=RetryPolicy(pauses=Backoff(first_seconds=0.3, max_seconds=0.3))
    ):
        await eventually(lambda: stage.reached(6, consumers=1))
        assert len(await stage.parked()) == 1
        waiting = [dead_letter[:2] for dead_letter in await stage.dead_letters()]
        assert waiting == [("retrying", 2), ("waiting", 3), ("waiting", 4), ("waiting", 5)]
        assert (await handled(stage, name, bob))[0] in (["Bob"], [1])

        await eventually(lambda: flows(stage))
        await stage.topic.publish(*ann.tells("Anya"))
        await eventually(lambda: stage.reached(7, consumers=1))
    told = ["Ann", "Anna", "Annie", "Anne", "Anya"] if name == "members" else [1, 2, 3, 4, 6]
    assert await handled(stage, name, ann) == [told]
    assert {dead_letter[0] for dead_letter in await stage.dead_letters()} == {"redriven"}


@BOTH
async def test_dead_letter_after_max_attempts_parks_its_key(stage: Stage, name: str) -> None:
    ann = stage.user()
    stage.club.trouble = trouble = Trouble("Anna", times=float("inf"))
    await stage.topic.publish(*ann.tells("Ann", "Anna", "Annie"))

    async with stage.consuming(consumer_of(stage, name)) as group:

        async def dead() -> bool:
            return ("dead", 2, 5, "RuntimeError") in await stage.dead_letters()

        await eventually(dead)
        tries = trouble.tries["Anna"]
        await stage.topic.publish(*ann.tells("Anne"))
        await eventually(lambda: stage.reached(4, consumers=1))
        assert trouble.tries["Anna"] == tries
        assert await handled(stage, name, ann) in ([["Ann"]], [[1]])

        trouble.times = 0
        await group.retries.attempt(ParkedKey(stage.club.topic, str(ann.id).encode()), AUDIT)
        # The dead letters behind it are handled by the process that locks the key first: this call
        # or the timer.
        await eventually(lambda: flows(stage))
    assert await handled(stage, name, ann) in ([["Ann", "Anna", "Annie", "Anne"]], [[1, 2, 3, 4]])


@BOTH
async def test_a_discarded_dead_letter_counts_as_handled_and_its_key_flows(stage: Stage, name: str) -> None:
    ann = stage.user()
    stage.club.trouble = Trouble("Anna", times=float("inf"), error=Permanent)
    await stage.topic.publish(*ann.tells("Ann", "Anna", "Annie"))

    async with stage.consuming(consumer_of(stage, name)) as group:
        await eventually(lambda: stage.reached(3, consumers=1))
        ((dead_letter_id,),) = await stage.rows("select id from dead_letters where status = 'dead'")
        await group.retries.discard(dead_letter_id, AUDIT)
        await eventually(lambda: flows(stage))
        await stage.topic.publish(*ann.tells("Anne"))
        await eventually(lambda: stage.reached(4, consumers=1))
    assert await handled(stage, name, ann) in ([["Ann", "Annie", "Anne"]], [[1, 3, 4]])
    assert [dead_letter[0] for dead_letter in await stage.dead_letters()] == ["discarded", "redriven"]


async def test_redrive_that_fails_repeatedly_is_finally_refused(stage: Stage) -> None:
    ann = stage.user()
    stage.club.trouble = trouble = Trouble("Ann", times=float("inf"), error=Permanent)
    await stage.topic.publish(*ann.tells("Ann"))
    key = ParkedKey(stage.club.topic, str(ann.id).encode())

    async with stage.consuming(stage.club.greetings) as group:
        await eventually(lambda: stage.reached(1, consumers=1))
        outcomes = [(await group.retries.attempt(key, AUDIT)).outcome for _ in range(7)]
    assert outcomes == [ParkedKeyOutcome.FAILED] * 5 + [ParkedKeyOutcome.EXHAUSTED] * 2
    assert trouble.tries["Ann"] == 6


async def test_permanent_error_is_not_retried(stage: Stage) -> None:
    ann = stage.user()
    stage.club.trouble = trouble = Trouble("Ann", times=float("inf"), error=Permanent)
    await stage.topic.publish(*ann.tells("Ann"))

    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(1, consumers=1))
    assert await stage.dead_letters() == [("dead", 1, 1, "Permanent")]
    assert trouble.tries["Ann"] == 1


async def test_wait_for_another_topic_is_retried_without_limit(stage: Stage) -> None:
    ann = stage.user()
    stage.club.trouble = Trouble("Ann", times=IMPATIENT.retry.max_attempts + 3, error=NotYet)
    await stage.topic.publish(*ann.tells("Ann", "Anna"))

    async with stage.consuming(stage.club.greetings):

        async def answered() -> bool:
            return await stage.greeted(ann) == [[1, 2]]

        await eventually(answered)


@BOTH
async def test_gap_parks_until_the_missing_version_arrives(stage: Stage, name: str) -> None:
    ann, bob = stage.user(), stage.user()
    first, second, third, fourth = ann.tells("Ann", "Anna", "Annie", "Anne")
    await stage.topic.publish(first, third, *bob.tells("Bob"), fourth)

    async with stage.consuming(consumer_of(stage, name)):
        await eventually(lambda: stage.reached(4, consumers=1))
        assert [dead_letter[:2] for dead_letter in await stage.dead_letters()] == [("waiting", 3), ("waiting", 4)]
        await stage.topic.publish(second)

        async def complete() -> bool:
            return await handled(stage, name, ann) in ([["Ann", "Anna", "Annie", "Anne"]], [[1, 2, 3, 4]])

        await eventually(complete)
        await eventually(lambda: flows(stage))


async def flows(stage: Stage) -> bool:
    return await stage.parked() == []


@BOTH
async def test_without_sequences_later_records_of_a_failed_key_wait_in_the_topics_order(
    stage: Stage, name: str
) -> None:
    ann, bob = stage.user(), stage.user()
    stage.club.trouble = trouble = Trouble("Ann", times=float("inf"))
    for envelope in (*ann.tells("Ann", "Anna"), *bob.tells("Bob"), *ann.tells("Annie")):
        parts = stage.topic.parts(envelope)
        bare = [header for header in parts["headers"] if header[0] != "ce_sequence"]
        await stage.topic.publish_raw(**{**parts, "headers": bare})

    async with stage.consuming(consumer_of(stage, name)):
        await eventually(lambda: stage.reached(4, consumers=1))
        assert [dead_letter[0] for dead_letter in await stage.dead_letters()][1:] == ["waiting", "waiting"]
        trouble.times = 0
        await eventually(lambda: flows(stage))
    assert await handled(stage, name, ann, bob) in ([["Ann", "Anna", "Annie"], ["Bob"]], [[0, 0, 0], [0]])
