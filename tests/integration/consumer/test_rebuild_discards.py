"""Dead letters that an operator discards while a rebuild runs."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.operators import AUDIT
from tests.integration.consumer.rebuilds import rebuilt
from waypost.engine.rebuild.applied_decisions import OperatorDecisionConflict
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Permanent
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


def fails(envelope: Envelope[Any]) -> None:
    if envelope.event.display_name == "never":
        raise Permanent


async def discard(stage: Stage, user: User) -> None:
    """As an operator does; the live consumer then handles the following event."""
    ((dead_letter_id,),) = await stage.rows("select id from dead_letters where status = 'dead'")
    async with stage.consuming(stage.club.members) as group:
        await group.retries.discard(dead_letter_id, AUDIT)
    assert await stage.names(user) == [["Ann", "Anna"]]


class Discarding(KafkaTopicLogs):
    """The operator discards before the first read, or after it."""

    def __init__(self, stage: Stage, user: User, *, after_the_read: bool) -> None:
        super().__init__(stage.bootstrap)
        self._stage = stage
        self._user = user
        self._after_the_read = after_the_read

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[KafkaTopicLog]:
        async with super().opened(partitions) as log:
            if self._after_the_read:
                yield _Discarding(log, self._stage, self._user)  # type: ignore[misc]  # as much of a log as is called
            else:
                await discard(self._stage, self._user)
                yield log


class _Discarding:
    def __init__(self, log: KafkaTopicLog, stage: Stage, user: User) -> None:
        self._log = log
        self._stage = stage
        self._user = user

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def end_offsets(self) -> Any:
        """Asked after the first round."""
        if await self._stage.rows("select 1 from dead_letters where status = 'dead'"):
            await discard(self._stage, self._user)
        return await self._log.end_offsets()


async def parked(stage: Stage) -> User:
    ann = stage.user()
    stage.club.trouble = fails
    await stage.topic.publish(*ann.tells("Ann", "never", "Anna"))
    async with stage.consuming(stage.club.members):
        await eventually(lambda: stage.reached(3, consumers=1))
    assert await stage.names(ann) == [["Ann"]]
    return ann


async def test_event_that_is_discarded_before_it_is_read_is_skipped(stage: Stage) -> None:
    ann = await parked(stage)
    stage.club.trouble = no_trouble  # corrected in the release that rebuilds
    assert (await rebuilt(stage, logs=Discarding(stage, ann, after_the_read=False))).swapped
    assert await stage.names(ann) == [["Ann", "Anna"]]


async def test_swap_is_refused_if_a_handled_event_is_discarded_meanwhile(stage: Stage) -> None:
    ann = await parked(stage)
    stage.club.trouble = no_trouble
    with pytest.raises(OperatorDecisionConflict, match="run the rebuild again"):
        await rebuilt(stage, logs=Discarding(stage, ann, after_the_read=True))
    assert await stage.names(ann) == [["Ann", "Anna"]]
    assert (await rebuilt(stage)).swapped
    assert await stage.names(ann) == [["Ann", "Anna"]]
