"""A partition that is revoked while its task reads the position."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from waypost.engine.consumer import partition
from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.resume_position import ResumePosition
from waypost.engine.periodic_loop import cancelled
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


class EmptySubscription:
    """A revocation ends the running polls; one that begins later has no end here."""

    def seek(self, partition: Partition, offset: int) -> None: ...

    async def first_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 0)

    async def poll(self, *_: Any, **__: Any) -> None:
        await asyncio.Event().wait()


async def test_a_task_that_was_ended_while_it_seeks_begins_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task of the next assignment waits for it."""
    seeking, answered = asyncio.Event(), asyncio.Event()

    async def slow_position(*_: Any) -> ResumePosition:
        seeking.set()
        await answered.wait()
        return ResumePosition(None, 0)

    monkeypatch.setattr(partition, "resume_position", slow_position)
    parts: Any = SimpleNamespace(
        name="club.members",
        subscription=EmptySubscription(),
        transactions=None,
        pipeline=None,
        policy=ConsumerPolicy(),
    )
    task = PartitionTask(Partition("users.user", 3), parts, None)
    await seeking.wait()
    await task.end(1)
    answered.set()
    async with asyncio.timeout(2):
        await task.ended()


async def test_a_task_whose_seek_is_cancelled_below_seeks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the partition waits until the client counts as stalled, and is replaced."""
    positions: Iterator[ResumePosition | BaseException] = iter([asyncio.CancelledError(), ResumePosition(None, 0)])

    async def cancelled_position(*_: Any) -> ResumePosition:
        position = next(positions)
        if isinstance(position, BaseException):
            raise position
        return position

    monkeypatch.setattr(partition, "resume_position", cancelled_position)
    parts: Any = SimpleNamespace(
        name="club.members",
        subscription=EmptySubscription(),
        transactions=None,
        pipeline=None,
        policy=ConsumerPolicy(pauses=Backoff(first_seconds=0.001)),
    )
    task = PartitionTask(Partition("users.user", 3), parts, None)
    async with asyncio.timeout(2):
        await task.positioned.wait()
    await cancelled(task._task)


class EndedClient(EmptySubscription):
    """Its polls fail at once: the coordination of the client has ended."""

    def __init__(self) -> None:
        self.polls = 0
        self.works = False

    async def poll(self, *_: Any, **__: Any) -> Any:
        self.polls += 1
        await asyncio.sleep(0)
        if not self.works:
            raise Transient("Unexpected error during coordination")
        return []


async def test_a_partition_whose_polls_fail_counts_as_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seek follows each failure, and does not count as progress."""
    at = 100.0

    async def position(*_: Any) -> ResumePosition:
        return ResumePosition(None, 0)

    monkeypatch.setattr(partition, "resume_position", position)
    monkeypatch.setattr(partition, "time", SimpleNamespace(monotonic=lambda: at))
    client = EndedClient()
    parts: Any = SimpleNamespace(
        name="club.members",
        subscription=client,
        transactions=None,
        pipeline=None,
        parser=SimpleNamespace(parse_all=lambda records: []),
        policy=ConsumerPolicy(pauses=Backoff(first_seconds=0.001)),
    )
    task = PartitionTask(Partition("users.user", 3), parts, None)
    try:
        await eventually(lambda: client.polls > 1)
        at = 200.0
        failed = client.polls
        await eventually(lambda: client.polls > failed + 2)
        assert task.advanced_at == 100.0
        client.works = True
        task.request_seek()
        await eventually(lambda: task.positioned.is_set() and client.polls > failed + 10)
        task.request_seek()
        await eventually(lambda: task.advanced_at == 200.0)
    finally:
        await cancelled(task._task)
