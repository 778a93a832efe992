"""What every broker promises the relay."""

import os

import pytest

from tests.contracts.brokers import LARGE, BrokerUnderTest, InMemory, OnKafka
from waypost.kernel.errors import Transient
from waypost.kernel.partitioning import shard_for
from waypost.ports.broker import OutgoingRecord, RecordsRefused, TopicUnavailable

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


async def test_a_record_arrives_whole(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        await publisher.send([record(topic, "a")])
    assert await under_test.log(topic) == [record(topic, "a")]


async def test_records_of_one_key_keep_their_order_over_many_batches(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    values = [
        os.urandom(1000) for _ in range(40)
    ]  # of the real broker's topic each batch takes one: they do not compress
    async with under_test.broker.publisher() as publisher:
        for value in values:
            await publisher.send([record(topic, "a", value), record(topic, "b", b"other")])
    assert [each.value for each in await under_test.log(topic) if each.key == b"a"] == values


async def test_records_of_several_topics_go_together(under_test: BrokerUnderTest) -> None:
    first, second = await under_test.topic(), await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        await publisher.send([record(first, "a"), record(second, "a"), record(first, "b")])
    assert sorted(each.key for each in await under_test.log(first)) == [b"a", b"b"]
    assert [each.key for each in await under_test.log(second)] == [b"a"]


async def test_a_refused_record_is_named(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    large = record(topic, "a", os.urandom(LARGE))
    async with under_test.broker.publisher() as publisher:
        with pytest.raises(RecordsRefused) as refusal:
            await publisher.send([large])
    assert refusal.value.records == [large]
    assert await under_test.log(topic) == []


async def test_after_a_refusal_a_new_publisher_sends(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        with pytest.raises(RecordsRefused):
            await publisher.send([record(topic, "a", os.urandom(LARGE))])
    async with under_test.broker.publisher() as publisher:
        await publisher.send([record(topic, "a")])
    assert await under_test.log(topic) == [record(topic, "a")]


async def test_a_missing_topic_is_told_before_anything_is_sent(under_test: BrokerUnderTest) -> None:
    topic = await under_test.topic()
    async with under_test.broker.publisher() as publisher:
        with pytest.raises(TopicUnavailable) as missing:
            await publisher.send([record(topic, "a"), record("users.missing", "a")])
        assert missing.value.topic == "users.missing"
        assert await under_test.log(topic) == []


async def test_a_broker_that_cannot_be_reached_says_so(under_test: BrokerUnderTest) -> None:
    with pytest.raises(Transient):
        async with under_test.unreachable.publisher():
            pass
