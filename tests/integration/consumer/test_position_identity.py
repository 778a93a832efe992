"""The stored identity of the last record, and the comparisons with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from structlog.testing import capture_logs

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import live, rebuilt
from tests.integration.consumer.replays import consumed, found
from waypost.engine.consumer.truncation import LogTruncated
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin

OTHER_RECORD = "update consumer_offsets set last_record = substr(last_record, 1, 8) || '\\x00'::bytea returning 1"
BEYOND_THE_END = "update consumer_offsets set next_offset = next_offset + 3 returning 1"


@asynccontextmanager
async def restarted(stage: Stage) -> AsyncIterator[list[str]]:
    """The events that the consumer logs until it has processed another record."""
    (before,), ann = await stage.consumer_position(), stage.user()
    with capture_logs() as logs:
        async with stage.consuming(stage.club.members):
            await stage.topic.publish(*ann.tells("Ann"))
            await eventually(lambda: stage.reached(before + 1, consumers=1))
        yield [entry["event"] for entry in logs]
    assert await stage.names(ann) == [["Ann"]]


async def test_record_before_the_position_was_deleted(stage: Stage) -> None:
    """Nothing is lost: the consumer has processed all deleted records."""
    await live(stage, [stage.user()])
    (position,) = await stage.consumer_position()
    async with admin(stage.bootstrap) as client:
        await client.delete_records({TopicPartition(stage.club.topic, 0): RecordsToDelete(before_offset=position)})
    async with restarted(stage) as events:
        assert not {"log_truncated", "records_lost"} & set(events)


async def test_position_without_identity_is_not_compared(stage: Stage) -> None:
    """As stored by an earlier release."""
    await live(stage, [stage.user()])
    await stage.rows("update consumer_offsets set last_record = null returning 1")
    async with restarted(stage) as events:
        assert "log_truncated" not in events
    assert await stage.rows("select last_record is null from consumer_offsets") == [(False,)]


async def test_position_moved_by_an_operator_is_not_compared(stage: Stage) -> None:
    await live(stage, [ann := stage.user()])
    await stage.rows("update consumer_offsets set next_offset = 1 returning 1")
    with capture_logs() as logs:
        async with stage.consuming(stage.club.members):
            await eventually(lambda: stage.reached(4, consumers=1))
    assert "log_truncated" not in [entry["event"] for entry in logs]
    assert await stage.names(ann) == [["first", "second"]]


@pytest.mark.parametrize("damage", [OTHER_RECORD, BEYOND_THE_END])
async def test_rebuild_of_a_truncated_log_is_refused(stage: Stage, damage: str) -> None:
    await live(stage, [stage.user()])
    await stage.rows(damage)
    with pytest.raises(LogTruncated, match="start the worker"):
        await rebuilt(stage)
    assert await stage.rows("select 1 from pg_namespace where nspname = 'members_old'") == []


@pytest.mark.parametrize("damage", [OTHER_RECORD, BEYOND_THE_END])
async def test_replay_of_a_truncated_log_is_refused(stage: Stage, damage: str) -> None:
    """Its records below the position may be others, which the reactor has not handled yet."""
    await stage.topic.publish(*stage.user().tells("Ann", "Anna"))
    await consumed(stage, 2)
    await stage.rows(damage)
    with pytest.raises(LogTruncated, match="start the worker"):
        await found(stage)
