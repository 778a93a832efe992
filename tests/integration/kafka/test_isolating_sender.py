"""A batch that its partition does not accept is sent again, alone, and is in the log once. The
broker's answers are replaced by answers that a single broker cannot give.
"""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    BrokerResponseError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.sender import SendProduceReqHandler

from waypost.kafka import isolating_sender
from waypost.kafka.isolating_sender import InvalidRecordError
from waypost.kafka.producer import KafkaBroker
from waypost.kernel.backoff import Backoff
from waypost.kernel.partitioner import shard_for
from waypost.ports.broker import OutgoingRecord, PartitionFailed, PartitionSender, RecordsRejected
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually
from waypost.testing.topics import create_topic, read_topic, unique

PARTITIONS = 2
KEYS = {
    number: next(b"%d" % key for key in range(99) if shard_for(b"%d" % key) % PARTITIONS == number)
    for number in range(PARTITIONS)
}


class Answers:
    """Replaces the broker's answers for partition 0."""

    def __init__(self) -> None:
        self.error: type[BrokerResponseError] | None = None
        self.after_append = False
        """Whether the broker appends the batch all the same."""
        self.given = 0

    def change(self, response: Any) -> None:
        for _, partitions in response.topics:
            for place, (number, code, *rest) in enumerate(partitions):
                if number == 0 and self.error is not None and code == 0:
                    self.given += 1
                    partitions[place] = (number, self.error.errno, *rest)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The broker appends each batch; its answer is replaced while `error` is set."""
    answers, handle = Answers(), SendProduceReqHandler.handle_response

    def changed(self: SendProduceReqHandler, response: Any) -> None:
        answers.change(response)
        handle(self, response)

    monkeypatch.setattr(SendProduceReqHandler, "handle_response", changed)
    monkeypatch.setattr(isolating_sender, "OUTAGE_BACKOFF", Backoff(first_seconds=0.01, factor=1.0, max_seconds=0.01))
    return answers


def record(topic: str, number: int, value: bytes) -> OutgoingRecord:
    return OutgoingRecord(topic, shard_for(KEYS[number]), KEYS[number], value, [], 1_700_000_000_000)


async def values(bootstrap: str, topic: str, number: int) -> list[bytes]:
    return [each.value for each in await read_topic(bootstrap, topic) if each.partition == number]


def reason(sender: PartitionSender) -> str | None:
    return sender.held_because


@pytest.fixture
async def topic(kafka: str) -> str:
    return await create_topic(kafka, unique("users.user"), partitions=PARTITIONS)


@pytest.mark.parametrize("error", [NotEnoughReplicasError, RequestTimedOutError, TopicAuthorizationFailedError])
async def test_batch_is_sent_again_until_it_is_accepted_and_is_in_the_log_once(
    kafka: str, topic: str, answers: Answers, error: type[BrokerResponseError]
) -> None:
    async with KafkaBroker(kafka).publisher() as publisher:
        bad, good = (publisher.sender(Partition(topic, number)) for number in range(PARTITIONS))
        answers.error = error
        sending = asyncio.create_task(bad.send([record(topic, 0, b"1")]))
        await eventually(lambda: answers.given > 2)
        assert reason(bad) == error.__name__
        await good.send([record(topic, 1, b"2")])
        answers.error = None
        await sending
        assert reason(bad) is None
        await bad.send([record(topic, 0, b"3")])
    assert await values(kafka, topic, 0) == [b"1", b"3"]
    assert await values(kafka, topic, 1) == [b"2"]


async def test_partition_that_needs_another_producer_is_named(kafka: str, topic: str, answers: Answers) -> None:
    async with KafkaBroker(kafka).publisher() as publisher:
        answers.error = OutOfOrderSequenceNumber
        with pytest.raises(PartitionFailed, match=rf"{topic}/0 needs a new producer: OutOfOrderSequenceNumber"):
            await publisher.sender(Partition(topic, 0)).send([record(topic, 0, b"1")])
        await publisher.sender(Partition(topic, 1)).send([record(topic, 1, b"2")])


async def test_record_that_the_broker_finds_invalid_is_rejected(kafka: str, topic: str, answers: Answers) -> None:
    async with KafkaBroker(kafka).publisher() as publisher:
        answers.error = InvalidRecordError
        with pytest.raises(RecordsRejected, match="InvalidRecordError"):
            await publisher.sender(Partition(topic, 0)).send([record(topic, 0, b"1")])
