"""Rows in the memory of a rebuild: forgotten before the pipeline changes the stored ones, and left
to the pipeline where they cannot be stored or computed.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.club import Stage
from tests.fixtures.club.stage import staged
from tests.integration.consumer.rebuilds import rebuilt
from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.rebuild import Processes
from waypost.engine.rebuild.memory_rows import MemoryRows
from waypost.kernel.envelope import Envelope
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

ONE = Processes(at_most=1, records_each=1)


@pytest.fixture
async def narrow_stage(kafka: str, database: Databases, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(kafka, database, tmp_path, partitions=1) as stage:
        stage.club.by_aggregate = True
        yield stage


async def test_a_repeated_record_after_a_batch_of_the_pipeline_is_stale(narrow_stage: Stage) -> None:
    stage = narrow_stage

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise RuntimeError

    stage.club.trouble = trouble
    x = stage.user()
    x1, x2 = x.tells("a", "b")
    others = [stage.user() for _ in range(12)]
    one = [person.tells("never" if index in (0, 5) else "f")[0] for index, person in enumerate(others)]
    events = [*one[0:5], x1, x2, one[5], one[6], one[7], x1, *one[8:12]]
    await stage.topic.publish(*events)

    async def all_processed() -> bool:
        return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(len(events),)]

    async with stage.consuming(stage.club.members):
        await eventually(all_processed)
    assert await stage.names(x) == [["a", "b"]]

    report = await rebuilt(stage, processes=ONE, policy=ConsumerPolicy(max_records=5))

    assert report.swapped, report.refusals
    assert await stage.names(x) == [["a", "b"]]
    assert report.comparison.comparisons[0].equal


async def test_rows_that_take_too_long_are_left_to_the_pipeline(
    narrow_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = narrow_stage
    people = [stage.user() for _ in range(40)]
    events = [person.tells("a")[0] for person in people]
    await stage.topic.publish(*events)

    async def all_processed() -> bool:
        return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(len(events),)]

    async with stage.consuming(stage.club.members):
        await eventually(all_processed)
    store = MemoryRows.store

    async def slow(self: MemoryRows, topic: str, transaction: Any) -> None:
        # 25 ms per row; the limit of the role is lower in the same proportion
        await transaction.rows.exec_driver_sql("set local statement_timeout = '500ms'")
        await transaction.rows.exec_driver_sql(f"select pg_sleep({0.025 * len(self._new_rows)})")
        await store(self, topic, transaction)

    monkeypatch.setattr(MemoryRows, "store", slow)
    async with asyncio.timeout(40):
        report = await rebuilt(stage, processes=ONE, policy=ConsumerPolicy(max_records=5))
    assert report.swapped


class PanicException(BaseException):
    """As PyO3 raises it for a panic in Rust."""


async def test_a_panic_in_a_change_becomes_a_dead_letter(narrow_stage: Stage) -> None:
    stage = narrow_stage

    def trouble(envelope: Envelope[Any]) -> None:
        if envelope.event.display_name == "never":
            raise PanicException

    stage.club.trouble = trouble
    ann, bob = stage.user(), stage.user()
    await stage.topic.publish(*ann.tells("a"), *bob.tells("never"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(2, consumers=1))
    report = await rebuilt(stage, processes=ONE)
    assert report.swapped, report.refusals
    assert await stage.names(ann, bob) == [["a"], []]
