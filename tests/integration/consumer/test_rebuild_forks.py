"""A rebuild by several processes: equal rows, and no change when one of them is killed."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.club import Stage
from tests.fixtures.club.stage import staged
from tests.integration.consumer.rebuilds import rebuilt
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.rebuild import Processes, Progress
from waypost.engine.rebuild.forks import ForkEnded
from waypost.kernel.envelope import Envelope
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

TWO = Processes(at_most=2, records_each=1)


@pytest.fixture(params=["handler with SQL", "row per aggregate"])
async def wide_stage(
    request: pytest.FixtureRequest, kafka: str, database: Databases, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with staged(kafka, database, tmp_path, partitions=4) as stage:
        stage.club.by_aggregate = request.param == "row per aggregate"
        yield stage


async def project(stage: Stage, records: int) -> None:
    """Lets the live projection process all records."""
    async with stage.consuming(stage.club.members):

        async def all_processed() -> bool:
            return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(records,)]

        await eventually(all_processed)


async def test_rows_of_two_processes_equal_the_live_ones(wide_stage: Stage) -> None:
    stage = wide_stage
    people = [stage.user() for _ in range(20)]
    rounds = [[event for person in people for event in person.tells(name)] for name in ("a", "b", "c")]
    early = [event for person in people[:5] for event in person.tells("d", "e")]
    events = [*early[1::2], *rounds[0], *rounds[0][:3], *rounds[1], *rounds[2], *early[::2]]
    await stage.topic.publish(*events)
    await project(stage, len(events))

    async def all_in_order() -> bool:
        return await stage.dead_letters() == [] or all(row[0] == "redriven" for row in await stage.dead_letters())

    async with stage.consuming(stage.club.members):
        await eventually(all_in_order)
    here: list[str] = []
    seen: list[Progress] = []
    stage.club.trouble = lambda envelope: here.append(envelope.event.display_name)

    report = await rebuilt(stage, processes=TWO, progress=seen.append)

    assert (report.swapped, report.records) == (True, len(events))
    assert report.comparison.comparisons[0].equal
    assert (seen[-1].records, seen[-1].of) == (len(events), len(events))
    assert here == ["e"] * 5  # they waited; the forks have handled the others
    assert await stage.names(*people) == [list("abcde")] * 5 + [list("abc")] * 15
    assert await stage.parked() == []


async def test_dead_letters_of_two_processes_are_taken_over(wide_stage: Stage) -> None:
    stage = wide_stage
    people = [stage.user() for _ in range(8)]
    events = [event for person in people for event in person.tells("first", "never", "third")]

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError

    await stage.topic.publish(*events)
    stage.club.trouble = trouble
    await project(stage, len(events))

    report = await rebuilt(stage, processes=TWO)

    assert (report.swapped, report.refusals) == (True, [])
    assert report.comparison.comparisons[0].equal
    assert sorted(await stage.parked()) == sorted(str(person.id) for person in people)


async def test_a_killed_process_has_changed_nothing(wide_stage: Stage) -> None:
    stage = wide_stage
    people = [stage.user() for _ in range(12)]
    events = [event for person in people for event in person.tells("first", "second")]
    await stage.topic.publish(*events)
    await project(stage, len(events))
    await stage.rows("update members set names = array['kept'] returning 1", *people)
    own = os.getpid()

    def kills_a_fork(envelope: Envelope[Any]) -> None:
        if os.getpid() != own and envelope.aggregate_id == people[7].id:
            os.kill(os.getpid(), signal.SIGKILL)

    stage.club.trouble = kills_a_fork
    with pytest.raises(ForkEnded):
        await rebuilt(stage, processes=TWO)
    assert await stage.names(*people) == [["kept"]] * 12
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_new'") == []
    assert await stage.rows("select 1 from consumer_offsets where consumer like '%~new'") == []

    stage.club.trouble = lambda _: None
    assert (await rebuilt(stage, processes=TWO)).swapped
    assert await stage.names(*people) == [["first", "second"]] * 12


async def test_a_rate_limits_all_records(wide_stage: Stage) -> None:
    """A limited rebuild has one process, and reads one partition after the other."""
    stage = wide_stage
    events = [event for _ in range(8) for event in stage.user().tells("name")]
    await stage.topic.publish(*events)
    await project(stage, len(events))
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    report = await rebuilt(stage, processes=TWO, rate=OperatorRate(1, now=lambda: 0.0, sleep=sleep))

    assert (report.swapped, pauses) == (True, [1.0] * 8)
