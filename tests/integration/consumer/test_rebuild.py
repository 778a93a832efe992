"""A rebuilt read model equals the live one, row for row (promise I10), also while events arrive."""

import asyncio
from typing import Any

import pytest

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import live, rebuilt, shadow_factory
from tests.integration.consumer.replays import found
from waypost.engine.failpoints import FailpointReached
from waypost.engine.rebuild import Progress
from waypost.engine.rebuild.swap import BEFORE_COMMIT
from waypost.kernel.envelope import Envelope
from waypost.ports.rebuild import RebuildRuns
from waypost.postgres import tenancy
from waypost.testing.eventually import eventually


async def test_rebuilt_rows_take_the_place_of_the_live_ones(stage: Stage) -> None:
    people = [stage.user() for _ in range(20)]
    await live(stage, people)
    await stage.rows("update members set names = array['spoiled'] returning 1", *people)
    seen: list[Progress] = []

    report = await rebuilt(stage, progress=seen.append)

    assert report.swapped
    (members,) = report.comparison.comparisons
    assert (members.table, members.live_rows, members.new_rows, members.equal) == ("members", 20, 20, False)
    assert (seen[-1].records, seen[-1].of) == (42, 42)
    assert await stage.names(*people) == [["first", "second"]] * 20
    (again,) = (await rebuilt(stage)).comparison.comparisons
    assert again.equal
    assert again.live_hash == members.new_hash != members.live_hash


async def test_a_record_that_no_consumer_can_read_stops_neither_a_rebuild_nor_a_replay(stage: Stage) -> None:
    ann, bob = stage.user(), stage.user()
    (greeting,) = ann.tells("Ann")
    parts = stage.topic.parts(bob.tells("Bob")[0])
    await stage.topic.publish_raw(**{**parts, "headers": [*parts["headers"], ("\udcff", b"1")]})
    await stage.topic.publish(greeting)
    async with stage.consuming(stage.club.members), stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(2))

    assert (await rebuilt(stage)).swapped
    assert await stage.names(ann, bob) == [["Ann"], []]
    assert list((await found(stage)).messages) == [greeting.event_id]


async def test_rows_are_compared_some_tenants_at_a_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [stage.user() for _ in range(20)]
    await live(stage, people)
    (at_once,) = (await rebuilt(stage, dry_run=True)).comparison.comparisons

    monkeypatch.setattr(tenancy, "TENANTS_AT_ONCE", 3)

    assert (await rebuilt(stage, dry_run=True)).comparison.comparisons == [at_once]
    assert (at_once.live_rows, at_once.new_rows, at_once.equal) == (20, 20, True)


async def test_a_dry_run_and_a_refusal_change_nothing(stage: Stage) -> None:
    ann = stage.user()
    await live(stage, [ann])
    await stage.rows("update members set names = array['kept'] returning 1", ann)

    assert not (await rebuilt(stage, dry_run=True)).swapped

    def fails(envelope: Envelope[Any]) -> None:
        raise RuntimeError("this release handles less")

    stage.club.trouble = fails
    refused = await rebuilt(stage)
    assert refused.refusals == ["2 dead letters are open, 0 before the rebuild"]
    assert not refused.swapped
    assert await stage.names(ann) == [["kept"]]
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_new'") == []
    assert await stage.dead_letters() == []


async def test_a_crash_before_the_commit_changes_nothing(stage: Stage) -> None:
    ann = stage.user()
    await live(stage, [ann])
    await stage.rows("update members set names = array['kept'] returning 1", ann)
    BEFORE_COMMIT.arm("raise")
    try:
        with pytest.raises(FailpointReached):
            await rebuilt(stage)
    finally:
        BEFORE_COMMIT.disarm()
    assert await stage.names(ann) == [["kept"]]
    assert (await rebuilt(stage)).swapped
    assert await stage.names(ann) == [["first", "second"]]


async def test_dead_letters_and_parked_keys_are_carried_over(stage: Stage) -> None:
    ann, bob, eve = stage.user(), stage.user(), stage.user()

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError

    stage.club.trouble = trouble
    await stage.topic.publish(
        *ann.tells("Ann", "never", "Anna"), *bob.tells("never", "Bob"), *eve.tells("Eve", "never", "Eva")
    )
    async with stage.consuming(stage.club.members):

        async def all_dead() -> bool:
            return [dead_letter[0] for dead_letter in await stage.dead_letters()].count("dead") == 3

        await eventually(all_dead)
    await stage.rows(
        "with due as (update parked_keys set due_at = now() where key = :key)"
        " update dead_letters set status = 'discarded' where key = :key and status = 'dead' returning 1",
        key=str(eve.id).encode(),
    )
    async with stage.consuming(stage.club.members):

        async def eve_flows() -> bool:
            return await stage.names(eve) == [["Eve", "Eva"]]

        await eventually(eve_flows)

    stage.club.trouble = lambda envelope: trouble(envelope) if envelope.aggregate_id != bob.id else None
    report = await rebuilt(stage)

    assert report.swapped
    assert await stage.names(ann, bob, eve) == [["Ann"], ["never", "Bob"], ["Eve", "Eva"]]
    assert await stage.parked() == [str(ann.id)]
    assert [this_dead_letter[:2] for this_dead_letter in await stage.dead_letters()] == [
        ("retrying", 2),
        ("waiting", 3),
        ("superseded", 1),
        ("superseded", 2),
        ("discarded", 2),
        ("redriven", 3),
    ]
    assert await stage.rows("select distinct consumer from dead_letters") == [("club.members",)]


async def test_rebuild_during_events_loses_duplicates_and_reorders_nothing(stage: Stage) -> None:
    people = [stage.user() for _ in range(10)]
    await live(stage, people)
    stop = asyncio.Event()

    async def tell() -> int:
        rounds = 0
        while not stop.is_set():
            rounds += 1
            await stage.topic.publish(*(event for person in people for event in person.tells(str(rounds))))
        return rounds

    async with stage.consuming(stage.club.members):
        telling = asyncio.create_task(tell())
        reports = [await rebuilt(stage) for _ in range(3)]
        stop.set()
        rounds = await telling
        await eventually(lambda: stage.reached(22 + 10 * rounds, consumers=1))
    assert all(report.swapped and report.comparison.comparisons[0].equal for report in reports)
    assert await stage.names(*people) == [["first", "second", *map(str, range(1, rounds + 1))]] * 10
    assert await stage.dead_letters() == []


async def test_rebuilds_exclude_each_other(stage: Stage) -> None:
    await live(stage, [stage.user()])
    async with shadow_factory(stage).shadow():
        with pytest.raises(RebuildRuns):
            await rebuilt(stage)
