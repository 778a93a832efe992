"""Events that new rows could miss or count twice, although the live rows contain them once."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import live, rebuilt, shadow_factory
from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.rebuild.read_ahead import ReadAhead
from waypost.engine.rebuild.shadow_writer import ShadowIncomplete
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.ports.rebuild import ShadowBehind
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


async def test_duplicate_without_a_sequence_is_processed_once(stage: Stage) -> None:
    """The order guard does not skip such a record, and the live consumer's inbox is not used."""
    ann = stage.user()
    told = [stage.topic.parts(tell) for tell in ann.tells("Ann", "Anna")]
    for parts in (*told, *told):
        bare = [header for header in parts["headers"] if header[0] != "ce_sequence"]
        await stage.topic.publish_raw(**{**parts, "headers": bare})
    async with stage.consuming(stage.club.members, max_records=1):
        await eventually(lambda: stage.reached(4, consumers=1))

    report = await rebuilt(stage, policy=ConsumerPolicy(max_records=1))

    assert report.comparison.comparisons[0].equal
    assert await stage.names(ann) == [["Ann", "Anna"]]
    assert await stage.rows("select distinct consumer from processed_messages") == [("club.members",)]


async def test_records_processed_between_the_comparison_and_the_swap_are_in_the_new_rows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = stage.user()
    await live(stage, [ann])
    fill, fills = ReadAhead.fill, 0

    async def fill_and_let_the_consumer_go_on(ahead: ReadAhead) -> None:
        nonlocal fills
        fills += 1
        is_before_the_swap = fills == 2
        if is_before_the_swap:
            await stage.topic.publish(*ann.tells("third"))
        await fill(ahead)
        if is_before_the_swap:
            async with stage.consuming(stage.club.members):
                await eventually(lambda: stage.reached(5, consumers=1))

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(ReadAhead, "fill", fill_and_let_the_consumer_go_on)
        report = await rebuilt(stage)
    assert (report.swapped, report.records) == (True, 5)
    assert report.comparison.comparisons[0].equal
    assert await stage.names(ann) == [["first", "second", "third"]]


async def test_partition_first_assigned_during_the_swap_is_included(stage: Stage) -> None:
    """Its position did not exist when positions were locked: rows that the live consumer wrote from
    it would be lost with the old tables.
    """
    await live(stage, [stage.user()])
    async with shadow_factory(stage).shadow() as shadow:
        with pytest.raises(ShadowBehind):
            async with shadow.swap() as swap:
                await stage.rows(
                    "insert into consumer_offsets (consumer, topic, partition, next_offset)"
                    " values ('club.members', :topic, 1, 1) returning 1",
                    topic=stage.club.topic,
                )
                await swap.complete()
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_old'") == []


class LogsOfATopicMadeAnew(KafkaTopicLogs):
    """While they are opened, the live consumer finds a recreated topic, and processes its first
    record.
    """

    stage: Stage

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[KafkaTopicLog]:
        async with super().opened(partitions) as log:
            await self.stage.rows(
                "update consumer_offsets set topic_id = gen_random_uuid(), next_offset = 1"
                " where consumer = 'club.members' returning 1"
            )
            yield log


async def test_records_of_the_old_topic_do_not_count_for_the_recreated_one(stage: Stage) -> None:
    await live(stage, [stage.user()])
    logs = LogsOfATopicMadeAnew(stage.bootstrap)
    logs.stage = stage
    with pytest.raises(ShadowBehind):
        await rebuilt(stage, logs=logs)
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_old'") == []


@pytest.mark.parametrize(
    "position", ["update consumer_offsets set next_offset = next_offset - 1", "delete from consumer_offsets"]
)
async def test_rows_without_the_last_commit_are_not_swapped_in(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, position: str
) -> None:
    """A commit into the shadow does not wait for the disk, so that a crash of the server may undo
    it.
    """
    people = [stage.user(), stage.user()]
    await live(stage, people)
    fill = ReadAhead.fill

    async def fill_after_a_crash(ahead: ReadAhead) -> None:
        await stage.rows(f"{position} where consumer = 'club.members~new' returning 1")
        undo = "delete from members_new.members where user_id = :last returning 1"
        assert await stage.rows(undo, *people, last=people[-1].id) == [(1,)]
        await fill(ahead)

    with monkeypatch.context() as crash, pytest.raises(ShadowIncomplete, match="run the rebuild again"):
        crash.setattr(ReadAhead, "fill", fill_after_a_crash)
        await rebuilt(stage, force=True)
    assert await stage.names(*people) == [["first", "second"]] * 2
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_old'") == []

    assert (await rebuilt(stage)).swapped
    assert await stage.names(*people) == [["first", "second"]] * 2
