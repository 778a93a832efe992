"""The positions that a consumer remembers, to notice a log that lost records."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.waypost.engine.test_message_buffer import handled
from waypost.engine.consumer import partition
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.record_identity import identity_of
from waypost.engine.consumer.resume_position import ResumePosition
from waypost.engine.consumer.truncation import TruncationDetector
from waypost.engine.periodic_loop import cancelled
from waypost.kernel.errors import Transient
from waypost.ports.inbox import ReachedPosition
from waypost.ports.subscription import Partition

PARTITION = Partition("users.user", 3)


def test_only_a_later_epoch_is_an_election() -> None:
    """A broker that is behind names an earlier leader."""
    nothing: Any = None
    detector = TruncationDetector("club.members", PARTITION, nothing)
    detector.begin(ResumePosition(None, 9, leader_epoch=5), 9)
    assert [detector.has_new_leader(epoch) for epoch in (5, 4, 5, 4, None, 6, 5, 6)] == [
        *[False] * 5,
        True,
        False,
        False,
    ]


class FailsAtOnce:
    """A pipeline whose first transaction fails before it moves the position."""

    failed = False

    async def process(self, batch: Batch) -> None:
        if not self.failed:
            self.failed = True
            raise Transient("the database is not available")
        batch.last_record = b"of the copy"


async def test_position_of_a_batch_that_was_retried_has_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    async def at_once(*_: Any) -> None: ...

    monkeypatch.setattr(partition, "resume_position", never)
    parts: Any = SimpleNamespace(
        name="club.members",
        subscription=None,
        transactions=None,
        pipeline=FailsAtOnce(),
        policy=ConsumerPolicy(),
        on_advance=lambda *_: None,
    )
    task = PartitionTask(PARTITION, parts, None)
    monkeypatch.setattr(task._batch_processor, "_pause", at_once)
    messages = [handled(7), handled(8)]
    await task._process(Batch(partition=PARTITION, expected=7, topic_id=None, messages=messages))
    assert task._truncation.reached[-1] == ReachedPosition(9, identity_of(messages[-1].record))
    await cancelled(task._task)
