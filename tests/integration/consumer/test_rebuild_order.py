"""A topic with a later version before an earlier one, as after a loss: the rebuilt rows equal the
live ones.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from tests.fixtures.club import Stage
from tests.integration.consumer.rebuilds import rebuilt
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually


async def test_out_of_order_version_waits_for_its_turn(stage: Stage) -> None:
    ann = stage.user()
    first, second, third = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(third, first, second, third)
    async with stage.consuming(stage.club.members):

        async def all_told() -> bool:
            return await stage.names(ann) == [["Ann", "Anna", "Annie"]]

        await eventually(all_told)
    await stage.rows("update members set names = array['spoiled'] returning 1", ann)

    report = await rebuilt(stage)

    assert (report.swapped, report.refusals) == (True, [])
    assert await stage.names(ann) == [["Ann", "Anna", "Annie"]]
    assert await stage.parked() == []


class LogOfABusyTopic(KafkaTopicLog):
    """While it reads ahead, the live consumer processes all records."""

    stage: Stage

    async def end_offsets(self) -> Mapping[Partition, int]:
        await self.stage.rows("update consumer_offsets set next_offset = 3 where consumer = 'club.members' returning 1")
        return await super().end_offsets()


class LogsOfABusyTopic(KafkaTopicLogs):
    stage: Stage

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[KafkaTopicLog]:
        async with super().opened(partitions) as log:
            busy = LogOfABusyTopic(log._client, log._partitions)
            busy.stage = self.stage
            yield busy


async def test_out_of_order_version_with_predecessors_during_the_swap(stage: Stage) -> None:
    ann = stage.user()
    first, second, third = ann.tells("Ann", "Anna", "Annie")
    await stage.topic.publish(third, first, second)
    async with stage.consuming(stage.club.members):

        async def all_told() -> bool:
            return await stage.names(ann) == [["Ann", "Anna", "Annie"]]

        await eventually(all_told)
    await stage.rows("update consumer_offsets set next_offset = 1 returning 1")
    logs = LogsOfABusyTopic(stage.bootstrap)
    logs.stage = stage

    report = await rebuilt(stage, logs=logs)

    assert (report.swapped, report.refusals, report.records) == (True, [], 3)
    assert await stage.names(ann) == [["Ann", "Anna", "Annie"]]
