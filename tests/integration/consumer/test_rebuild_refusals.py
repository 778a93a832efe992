"""Checks that refuse a swap, and the ones that an operator may override."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.fixtures.club import Stage
from tests.fixtures.club.declaration import no_trouble
from tests.integration.consumer.rebuilds import live, rebuilt
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, Permanent
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin


async def test_swap_is_refused_without_a_record(stage: Stage) -> None:
    ann = stage.user()
    await live(stage, [ann])
    await stage.rows("update consumer_offsets set next_offset = 0 returning 1")

    refused = await rebuilt(stage)
    assert (refused.swapped, refused.refusals) == (False, ["no record was read"])
    assert await stage.names(ann) == [["first", "second"]]

    assert (await rebuilt(stage, force=True)).swapped
    assert await stage.names(ann) == [[]]


@pytest.mark.parametrize("dry_run", [False, True])
async def test_swap_is_refused_if_the_topic_has_lost_aggregates(stage: Stage, dry_run: bool) -> None:
    ann, bob, eve = stage.user(), stage.user(), stage.user()
    await live(stage, [ann, bob])
    async with admin(stage.bootstrap) as client:
        await client.delete_records({TopicPartition(stage.club.topic, 0): RecordsToDelete(before_offset=6)})
    async with stage.consuming(stage.club.members):
        await stage.topic.publish(*eve.tells("Eve"))
        await eventually(lambda: stage.reached(7, consumers=1))

    refused = await rebuilt(stage, dry_run=dry_run)
    assert not refused.swapped
    (refusal,) = refused.refusals
    assert refusal.startswith("the topics have lost events of 2 aggregates of the live rows")
    assert "events republish" in refusal
    assert await stage.names(ann, bob, eve) == [["first", "second"]] * 2 + [["Eve"]]

    assert (await rebuilt(stage, force=True)).swapped
    assert await stage.names(ann, bob, eve) == [[], [], ["Eve"]]


async def test_swap_is_refused_if_the_topic_has_lost_the_first_events_of_an_aggregate(stage: Stage) -> None:
    """Its later events wait in the rebuild; as many other dead letters of the live rows were due to
    an error that is corrected now.
    """
    ann, bob = stage.user(), stage.user()

    def fails(envelope: Envelope[Any]) -> None:
        if envelope.aggregate_id == bob.id:
            raise RuntimeError("corrected in this release")

    stage.club.trouble = fails
    await stage.topic.publish(*ann.tells("1", "2", "3"), *bob.tells("1", "2"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(5, consumers=1))
    stage.club.trouble = no_trouble
    async with admin(stage.bootstrap) as client:
        await client.delete_records({TopicPartition(stage.club.topic, 0): RecordsToDelete(before_offset=1)})

    refused = await rebuilt(stage)
    (refusal,) = refused.refusals
    assert refusal.startswith("the topics have lost events of 1 aggregates")
    assert await stage.names(ann) == [["1", "2", "3"]]


async def test_swap_is_refused_with_more_dead_letters_than_before(stage: Stage) -> None:
    ann = stage.user()
    await live(stage, [ann])

    def fails(envelope: Envelope[Any]) -> None:
        raise RuntimeError("this release handles less")

    stage.club.trouble = fails
    assert (await rebuilt(stage)).refusals == ["2 dead letters are open, 0 before the rebuild"]
    assert await stage.names(ann) == [["first", "second"]]

    forced = await rebuilt(stage, force=True)
    assert (forced.swapped, forced.refusals) == (True, ["2 dead letters are open, 0 before the rebuild"])
    assert await stage.names(ann) == [[]]
    assert [dead_letter[:2] for dead_letter in await stage.dead_letters()] == [("retrying", 1), ("waiting", 2)]


async def test_swap_that_would_drop_an_adoption_is_refused(stage: Stage) -> None:
    """The adopted event fails in the rebuild: the operator's decision must not become a failure."""
    ann = stage.user()

    def refuse(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "Anna":
            raise Permanent("not in this release")

    stage.club.trouble = refuse
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(2, consumers=1))
    await stage.rows("update dead_letters set status = 'adopted' returning 1")

    with pytest.raises(Conflict, match="1 adopted events cannot be handled"):
        await rebuilt(stage, force=True)
    assert await stage.names(ann) == [["Ann"]]
    assert [dead_letter[0] for dead_letter in await stage.dead_letters()] == ["adopted"]
