"""A rebuild of a projection with one row per aggregate changes rows in memory. Its rows equal the
live ones, also after errors in the middle.
"""

import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.club import Stage
from tests.fixtures.club.stage import staged
from tests.integration.consumer.rebuilds import rebuilt
from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.rebuild import Processes, RebuildReport, folding_writer
from waypost.engine.rebuild.shadow_writer import ShadowWriter
from waypost.kernel.envelope import Envelope
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

TWO = Processes(at_most=2, records_each=1)
BATCHES = "select count(distinct xmin::text) from members"


@pytest.fixture
async def wide_stage(kafka: str, database: Databases, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(kafka, database, tmp_path, partitions=2) as stage:
        stage.club.by_aggregate = True
        yield stage


async def published(stage: Stage, events: list[Envelope[Any]]) -> None:
    """Lets the live projection process the events."""
    await stage.topic.publish(*events)

    async def all_processed() -> bool:
        return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(len(events),)]

    async with stage.consuming(stage.club.members):
        await eventually(all_processed)


async def rebuilt_in_memory(stage: Stage, **options: Any) -> RebuildReport:
    """In small batches."""
    report = await rebuilt(stage, processes=TWO, policy=ConsumerPolicy(max_records=5), **options)
    assert report.swapped, report.refusals
    return report


async def test_a_row_is_stored_once_for_all_batches(wide_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = wide_stage
    people = [stage.user() for _ in range(20)]
    rounds = [[event for person in people for event in person.tells(name)] for name in "abcd"]
    events = [event for each in rounds for event in each]
    await published(stage, [*events, *events[:7]])

    async def never(*_: object) -> None:
        raise AssertionError("the pipeline has processed records in order")

    monkeypatch.setattr(ShadowWriter, "write", never)

    report = await rebuilt_in_memory(stage)

    assert (report.records, report.comparison.comparisons[0].equal) == (87, True)
    assert await stage.names(*people) == [list("abcd")] * 20
    assert await stage.rows(BATCHES, *people) == [(2,)]  # one transaction per partition


async def test_rows_that_do_not_fit_into_memory_are_read_again(
    wide_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = wide_stage
    monkeypatch.setattr(folding_writer, "AGGREGATES_IN_MEMORY", 3)
    people = [stage.user() for _ in range(20)]
    rounds = [[event for person in people for event in person.tells(name)] for name in "abcd"]
    events = [event for each in rounds for event in each]
    await published(stage, [*events, *people[0].tells("e"), *events[:20]])

    report = await rebuilt_in_memory(stage)

    assert (report.records, report.comparison.comparisons[0].equal) == (101, True)
    assert await stage.names(*people) == [list("abcde"), *[list("abcd")] * 19]
    assert await stage.rows("select distinct version from members.versions order by 1") == [(4,), (5,)]
    assert len(await stage.rows("select 1 from members.versions")) == 20


async def test_a_failed_change_stops_only_its_aggregate(wide_stage: Stage) -> None:
    stage = wide_stage
    people = [stage.user() for _ in range(10)]
    failing = people[4].tells("first", "never", "third")
    rounds = [[event for person in people if person is not people[4] for event in person.tells(name)] for name in "abc"]

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError

    stage.club.trouble = trouble
    # Each record of this aggregate comes several times, in different batches.
    await published(stage, [*failing, *rounds[0], *failing, *rounds[1], *failing, *rounds[2]])

    report = await rebuilt_in_memory(stage)

    assert report.comparison.comparisons[0].equal
    assert await stage.names(*people) == [["first"] if person is people[4] else list("abc") for person in people]
    assert await stage.parked() == [str(people[4].id)]


async def test_a_parked_key_is_left_to_the_pipeline(wide_stage: Stage) -> None:
    """A repeated record must not be handled while a dead letter has its version."""
    stage = wide_stage
    ann, others = stage.user(), [stage.user() for _ in range(10)]
    told = ann.tells("first", "never", "third")
    between = [[event for person in others for event in person.tells(name)] for name in "ab"]
    own, calls = os.getpid(), itertools.count(1)

    def trouble(envelope: Envelope[Any]) -> None:
        # A fork calls it in memory, for the batch, and for the record alone; it would succeed then.
        if envelope.event.display_name == "never" and (os.getpid() == own or next(calls) <= 3):
            raise RuntimeError

    stage.club.trouble = trouble
    await published(stage, [*told, *between[0], *told, *between[1]])

    report = await rebuilt_in_memory(stage)

    assert report.comparison.comparisons[0].equal
    assert await stage.names(ann, *others) == [["first"], *[["a", "b"]] * 10]
    assert await stage.parked() == [str(ann.id)]


@pytest.mark.parametrize("aggregates_in_memory", [3, 20_000])
async def test_a_row_that_the_database_refuses_becomes_a_dead_letter(
    wide_stage: Stage, monkeypatch: pytest.MonkeyPatch, aggregates_in_memory: int
) -> None:
    """Its change raises no error: only the statement for all rows fails."""
    stage = wide_stage
    monkeypatch.setattr(folding_writer, "AGGREGATES_IN_MEMORY", aggregates_in_memory)
    people = [stage.user() for _ in range(10)]
    refused = people[0].tells("a", "b", "\0", "c")  # a text of PostgreSQL contains no zero byte
    events = [event for person in people[1:] for event in person.tells("a", "b")]
    await published(stage, [*refused, *events])
    seen: list[int] = []

    report = await rebuilt_in_memory(stage, progress=lambda progress: seen.append(progress.records))

    assert (report.records, seen[-1]) == (22, 22)
    assert report.comparison.comparisons[0].equal
    assert await stage.names(*people) == [["a", "b"]] * 10
    assert await stage.parked() == [str(people[0].id)]


async def test_a_record_without_a_version_is_left_to_the_pipeline(wide_stage: Stage) -> None:
    """A row per aggregate needs the order of events; live, such a record is a dead letter."""
    stage = wide_stage
    ann, bob = stage.user(), stage.user()
    parts = stage.topic.parts(bob.tells("Bob")[0])
    bare = [header for header in parts["headers"] if header[0] != "ce_sequence"]
    await stage.topic.publish_raw(**{**parts, "headers": bare})
    await stage.topic.publish(*ann.tells("Ann", "Anna"))
    async with stage.consuming(stage.club.members):

        async def all_processed() -> bool:
            return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(3,)]

        await eventually(all_processed)

    report = await rebuilt_in_memory(stage)

    assert report.comparison.comparisons[0].equal
    assert await stage.names(ann, bob) == [["Ann", "Anna"], []]
    assert [row[0] for row in await stage.dead_letters()] == ["dead"]
