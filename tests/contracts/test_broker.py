"""Behaviour of every broker adapter, as the relay needs it."""

import asyncio
import os
from types import NoneType

import pytest

from tests.contracts.brokers import LARGE, BrokerUnderTest, InMemory, OnKafka, senders
from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import partition_for, shard_for
from waypost.ports.broker import NotSent, OutgoingRecord, PartitionFailed, Publisher, RecordsRejected, TopicUnavailable
from waypost.ports.subscription import Partition

AT = 1_700_000_000_000


@pytest.fixture
def in_memory() -> BrokerUnderTest:
    return InMemory()


@pytest.fixture
def on_kafka(kafka: str) -> BrokerUnderTest:
    return OnKafka(kafka)


@pytest.fixture(params=["in_memory", "on_kafka"])
def under_test(request: pytest.FixtureRequest) -> BrokerUnderTest:
    found: BrokerUnderTest = request.getfixturevalue(request.param)
    return found


def record(topic: str, key: str, value: bytes = b"value") -> OutgoingRecord:
    return OutgoingRecord(
        topic, shard_for(key.encode()), key.encode(), value, [("ce_id", b"1"), ("traceparent", b"00")], AT
    )


async def partition_of(publisher: Publisher, topic: str, key: str) -> Partition:
    return Partition(topic, partition_for(key.encode(), await publisher.partitions(topic)))


async def test_record_arrives_complete(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with senders(under_test.broker) as publisher:
        await publisher.send([record(topic, "a")])
    assert await under_test.log(topic) == [record(topic, "a")]


async def test_records_of_one_key_keep_their_order_across_batches(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    values = [
        os.urandom(1000) for _ in range(40)
    ]  # of the real broker's topic each batch takes one: they do not compress
    async with senders(under_test.broker) as publisher:
        for value in values:
            await publisher.send([record(topic, "a", value), record(topic, "b", b"other")])
    assert [each.value for each in await under_test.log(topic) if each.key == b"a"] == values


async def test_overlapping_calls_keep_their_order(under_test: BrokerUnderTest) -> None:
    """Each call needs several batches: no batch of a later call may lie between them."""
    topic = await under_test.topic(max_message_bytes=1_000_000)
    calls_of = [[os.urandom(1000) for _ in range(900)] for _ in range(3)]
    async with senders(under_test.broker) as publisher, asyncio.TaskGroup() as calls:
        for values in calls_of:
            calls.create_task(publisher.send([record(topic, "a", value) for value in values]))
    assert [each.value for each in await under_test.log(topic)] == [value for values in calls_of for value in values]


async def test_call_behind_a_refused_one_publishes_nothing(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with senders(under_test.broker) as publisher:
        outcomes = await asyncio.gather(
            publisher.send([record(topic, "a", os.urandom(LARGE))]),
            publisher.send([record(topic, "a")]),
            return_exceptions=True,
        )
    assert list(map(type, outcomes)) == [RecordsRejected, NotSent]
    assert await under_test.log(topic) == []


@pytest.mark.parametrize("steps", range(6))
async def test_call_behind_one_that_was_cancelled_as_it_began_publishes_nothing(
    under_test: BrokerUnderTest, steps: int
) -> None:
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        sender = publisher.sender(await partition_of(publisher, topic, "a"))
        await sender.send([record(topic, "a", b"first")])
        cancelled = asyncio.create_task(sender.send([record(topic, "a", b"cancelled")]))
        for _ in range(steps):
            await asyncio.sleep(0)
        was_cancelled = cancelled.cancel()
        later = asyncio.create_task(sender.send([record(topic, "a", b"later")]))
        await asyncio.wait([cancelled, later])
        begun = steps > 0 and was_cancelled
        assert type(later.exception()) is (NotSent if begun else NoneType)
        assert (b"later" in [each.value for each in await under_test.log(topic)]) is not begun


async def test_partition_of_a_cancelled_call_needs_another_producer(under_test: BrokerUnderTest) -> None:
    """The batch may still arrive, behind those of a later call."""
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        partition = await partition_of(publisher, topic, "a")
        cancelled = asyncio.create_task(publisher.sender(partition).send([record(topic, "a")]))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        with pytest.raises(PartitionFailed):
            await publisher.sender(partition).send([record(topic, "a")])
    async with under_test.broker.publisher() as publisher:
        await publisher.sender(partition).send([record(topic, "a", b"again")])
    assert (await under_test.log(topic))[-1] == record(topic, "a", b"again")


async def test_another_sender_continues_after_a_refusal(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        partition = await partition_of(publisher, topic, "a")
        for value in (b"1", b"2"):
            with pytest.raises(RecordsRejected):
                await publisher.sender(partition).send([record(topic, "a", os.urandom(LARGE))])
            await publisher.sender(partition).send([record(topic, "a", value)])
    assert [each.value for each in await under_test.log(topic)] == [b"1", b"2"]


async def test_one_send_publishes_to_several_topics(under_test: BrokerUnderTest) -> None:
    first, second = await under_test.topic(), await under_test.topic()
    async with senders(under_test.broker) as publisher:
        await publisher.send([record(first, "a"), record(second, "a"), record(first, "b")])
    assert sorted(each.key for each in await under_test.log(first)) == [b"a", b"b"]
    assert [each.key for each in await under_test.log(second)] == [b"a"]


async def test_refusal_names_the_record(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    large = record(topic, "a", os.urandom(LARGE))
    async with senders(under_test.broker) as publisher:
        with pytest.raises(RecordsRejected) as refusal:
            await publisher.send([large])
    assert refusal.value.records == [large]
    assert await under_test.log(topic) == []


async def test_new_publisher_sends_after_a_refusal(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with senders(under_test.broker) as publisher:
        with pytest.raises(RecordsRejected):
            await publisher.send([record(topic, "a", os.urandom(LARGE))])
    async with senders(under_test.broker) as publisher:
        await publisher.send([record(topic, "a")])
    assert await under_test.log(topic) == [record(topic, "a")]


async def test_missing_topic_is_reported(under_test: BrokerUnderTest) -> None:
    async with under_test.broker.publisher() as publisher:
        with pytest.raises(TopicUnavailable) as missing:
            await publisher.partitions("users.missing")
        assert missing.value.topic == "users.missing"


async def test_unreachable_broker_raises_transient(under_test: BrokerUnderTest) -> None:
    with pytest.raises(Transient):
        async with under_test.unreachable.publisher():
            pass
