"""Records without a handler share a transaction; no other record waits."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from waypost.engine.consumer import partition
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.message_buffer import MessageBuffer
from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.resume_position import ResumePosition
from waypost.kernel.envelope import Record
from waypost.kernel.errors import UndecodableRecord
from waypost.ports.subscription import Partition

POLICY = ConsumerPolicy(ignored_wait_seconds=0.5, max_records=4)
KNOWN: Any = SimpleNamespace(tenant_id=None)
"""Valid headers, whose content does not matter here."""


def record(offset: int) -> Record:
    return Record(topic="users.user", partition=0, offset=offset, timestamp_ms=0, key=b"k", value=b"", headers=[])


def ignored(offset: int) -> Message:
    return Message(record(offset), attributes=KNOWN)


def handled(offset: int) -> Message:
    return Message(record(offset), attributes=KNOWN, envelope=KNOWN)


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def buffer(seconds: Seconds) -> MessageBuffer:
    return MessageBuffer(POLICY, clock=seconds)


def test_messages_without_a_handler_wait_until_the_first_is_due(buffer: MessageBuffer, seconds: Seconds) -> None:
    assert buffer.poll_seconds == POLICY.poll_seconds
    assert not buffer.add([ignored(0)])
    seconds.now += 0.25
    assert not buffer.add([ignored(1)])
    assert buffer.poll_seconds == pytest.approx(0.25)
    assert buffer.poll_records == 2
    assert buffer.next_offset(0) == 2
    seconds.now += 0.25
    assert [message.record.offset for message in buffer.add([])] == [0, 1]
    assert buffer.poll_seconds == POLICY.poll_seconds
    assert buffer.next_offset(7) == 7


@pytest.mark.parametrize(
    "message", [handled(1), Message(record(1)), Message(record(1), KNOWN, poison=UndecodableRecord("x"))]
)
def test_any_other_message_ends_the_wait(buffer: MessageBuffer, message: Message) -> None:
    assert not buffer.add([ignored(0)])
    assert [each.record.offset for each in buffer.add([message, ignored(2)])] == [0, 1, 2]


def test_a_full_batch_does_not_wait(buffer: MessageBuffer) -> None:
    assert not buffer.add([ignored(0), ignored(1), ignored(2)])
    assert buffer.poll_records == 1
    assert len(buffer.add([ignored(3)])) == 4


class Scripted:
    """A subscription whose polls return the scripted records, and then wait."""

    def __init__(self, *polls: Sequence[int]) -> None:
        self.polls = [[record(offset) for offset in offsets] for offsets in polls]
        self.seeks: list[int] = []
        self.sought_again = asyncio.Event()
        self.first = 0
        """The oldest record, after the seek."""
        self.asked = asyncio.Event()
        """Set when a poll led to a request for the oldest record."""
        self.answers: asyncio.Event | None = None
        """Delays the answer to that request."""

    async def first_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        if not self.seeks:
            return dict.fromkeys(partitions, 0)
        self.asked.set()
        if self.answers is not None:
            await self.answers.wait()
        return dict.fromkeys(partitions, self.first)

    def seek(self, _: Partition, offset: int) -> None:
        self.seeks.append(offset)
        if len(self.seeks) == 2:
            self.sought_again.set()

    async def poll(self, *_: Any, **__: Any) -> Sequence[Record]:
        if not self.polls:
            await asyncio.Event().wait()
        return self.polls.pop(0)


class Processed:
    """A pipeline that keeps the offsets of its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()

    async def process(self, batch: Batch) -> None:
        self.batches.append([message.record.offset for message in batch.messages])
        self.begun.set()


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> Processed:
    async def beginning(*_: Any) -> ResumePosition:
        return ResumePosition(None, 0)

    async def no_starts(*_: Any) -> int:
        return 0

    monkeypatch.setattr(partition, "resume_position", beginning)
    monkeypatch.setattr(PartitionTask, "_count_batch_start", no_starts)
    return Processed()


def consuming(subscription: Scripted, processed: Processed) -> PartitionTask:
    """Handles events at odd offsets."""
    parts: Any = SimpleNamespace(
        name="club.members",
        subscription=subscription,
        transactions=None,
        pipeline=processed,
        parser=SimpleNamespace(
            parse_all=lambda records: [(handled if each.offset % 2 else ignored)(each.offset) for each in records]
        ),
        by_batch=True,
        policy=ConsumerPolicy(ignored_wait_seconds=3600),
        on_advance=lambda *_: None,
    )
    return PartitionTask(Partition("users.user", 0), parts, None)


async def test_buffered_messages_are_processed_with_the_next_handled_one(processed: Processed) -> None:
    task = consuming(Scripted([0], [2], [3, 4], [6]), processed)
    async with asyncio.timeout(5):
        await processed.begun.wait()
    await stop(task)
    assert processed.batches == [[0, 2, 3, 4]]
    assert task.position == 5


async def test_a_loss_behind_buffered_messages_is_reported(processed: Processed) -> None:
    subscription = Scripted([0, 2], [9])
    subscription.first = 9
    task = consuming(subscription, processed)
    async with asyncio.timeout(5):
        await processed.begun.wait()
    assert processed.batches == [[0, 2, 9]]
    assert task.lost_offsets == 6
    await stop(task)


async def test_a_task_that_ends_during_the_check_for_a_loss_begins_no_batch(processed: Processed) -> None:
    subscription = Scripted([0, 2], [9])
    subscription.answers = asyncio.Event()
    task = consuming(subscription, processed)
    async with asyncio.timeout(5):
        await subscription.asked.wait()
    await task.end(1)
    subscription.answers.set()
    async with asyncio.timeout(5):
        await task.ended()
    assert processed.batches == []


async def test_a_topic_that_begins_again_drops_the_buffered_messages(processed: Processed) -> None:
    """Otherwise records of two topics would be one batch."""
    subscription = Scripted([0, 2], [0, 1])
    task = consuming(subscription, processed)
    async with asyncio.timeout(5):
        await subscription.sought_again.wait()
    await stop(task)
    assert processed.batches == []


async def stop(task: PartitionTask) -> None:
    await task.end(1)
    task._task.cancel()
    await task.ended()
