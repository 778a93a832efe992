"""Dead letters are limited: at the limit a partition waits, loses nothing, and continues by
itself.
"""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.fixtures.club import IMPATIENT, Stage
from tests.fixtures.operators import AUDIT
from waypost.engine.consumer import ConsumerGroup
from waypost.engine.consumer.pipeline import DeadLetterLimitReached
from waypost.engine.retry import RetryPolicy
from waypost.kernel.envelope import Envelope
from waypost.testing.eventually import eventually

PATIENT = replace(IMPATIENT, retry=RetryPolicy(max_attempts=1))
"""A failed event is dead at once: only an operator can settle it."""


def full_partitions(consumer: str) -> float:
    return REGISTRY.get_sample_value("waypost_consumer_full_partitions", {"consumer": consumer}) or 0.0


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_partition_at_the_limit_waits_until_dead_letters_are_settled(stage: Stage, name: str) -> None:
    def refuse_eve(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name.startswith("Eve"):
            raise RuntimeError("no Eve today")

    consumer = stage.club.members if name == "members" else stage.club.greetings
    ann, eves, bob = stage.user(), [stage.user() for _ in range(3)], stage.user()
    stage.club.trouble = refuse_eve
    told = [event for number, eve in enumerate(eves) for event in eve.tells(f"Eve {number}", f"Lyn {number}")]
    await stage.topic.publish(*ann.tells("Ann"), *told[:2], *ann.tells("Anna"), *told[2:], *bob.tells("Bob"))

    async with stage.consuming(consumer, PATIENT, max_dead_letters=3) as group:

        async def waits_at(offset: int) -> bool:
            return full_partitions(group.name) == 1 and await stage.reached(offset, consumers=1)

        await eventually(lambda: waits_at(5))
        with pytest.raises(DeadLetterLimitReached):
            await group.makes_progress()
        assert len(await stage.dead_letters()) == 3
        handled = await (stage.names(ann, bob) if name == "members" else stage.greeted(ann, bob))
        assert handled in ([["Ann", "Anna"], []], [[1, 2], []])

        await discard_first(stage, group)
        await eventually(lambda: waits_at(7))
        await discard_first(stage, group)
        await eventually(lambda: stage.reached(9, consumers=1))
        await group.makes_progress()

        async def all_told() -> bool:
            everybody = (ann, *eves, bob)
            told = await (stage.names(*everybody) if name == "members" else stage.greeted(*everybody))
            return told in (
                [["Ann", "Anna"], ["Lyn 0"], ["Lyn 1"], [], ["Bob"]],
                [[1, 2], [2], [2], [], [1]],
            )

        # Records behind a discarded dead letter are handled by the process that locks the key
        # first: this call or the timer.
        await eventually(all_told)
    assert full_partitions(group.name) == 0


@pytest.mark.parametrize("name", ["members", "greetings"])
async def test_out_of_order_dead_letters_do_not_count_towards_the_limit_of_failed_ones(stage: Stage, name: str) -> None:
    """As if `events republish` ran beside a relay with pending versions: the versions that these
    wait for are behind all of them.
    """
    consumer = stage.club.members if name == "members" else stage.club.greetings
    people = [stage.user() for _ in range(4)]
    told = [person.tells("One", "Two") for person in people]
    await stage.topic.publish(*(second for _, second in told), *(first for first, _ in told))

    async def all_told() -> bool:
        if name == "members":
            return await stage.names(*people) == [["One", "Two"]] * 4
        return await stage.greeted(*people) == [[1, 2]] * 4

    async with stage.consuming(consumer, max_dead_letters=1):
        await eventually(all_told)
    assert await stage.parked() == []


async def test_out_of_order_dead_letters_have_a_separate_limit(stage: Stage) -> None:
    people = [stage.user() for _ in range(3)]
    told = [person.tells("One", "Two") for person in people]
    await stage.topic.publish(*(second for _, second in told), *(first for first, _ in told))

    async def full() -> bool:
        return full_partitions(group.name) == 1

    with capture_logs() as logs:
        async with stage.consuming(stage.club.greetings, max_dead_letters=1, max_out_of_order_dead_letters=2) as group:
            await eventually(full)
            assert [dead_letter[:2] for dead_letter in await stage.dead_letters()] == [("waiting", 2)] * 2
    (line,) = [this_line for this_line in logs if this_line["event"] == "dead_letter_limit_reached"]
    assert (line["failed"], line["out_of_order"], line["max_failed"], line["max_out_of_order"]) == (0, 3, 1, 2)

    async def all_greeted() -> bool:
        return await stage.greeted(*people) == [[1, 2]] * 3

    async with stage.consuming(stage.club.greetings, max_dead_letters=1, max_out_of_order_dead_letters=3):
        await eventually(all_greeted)


async def discard_first(stage: Stage, group: ConsumerGroup) -> None:
    """Discards the oldest dead letter; the one behind it is handled."""
    rows = await stage.rows("select id from dead_letters where status = 'dead' order by kafka_offset limit 1")
    await group.retries.discard(rows[0][0], AUDIT)
