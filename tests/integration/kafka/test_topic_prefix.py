"""An application with a `topic_prefix`: the cluster has prefixed names, the application's own code
never sees one.
"""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.contracts.brokers import senders
from tests.integration.kafka.test_membership import Assigned
from waypost.kafka.catalog import catalog, partitions_of
from waypost.kafka.consumer import KafkaSubscription
from waypost.kafka.producer import KafkaBroker
from waypost.kafka.topic_creation import ensure_topics
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.partitioner import shard_for
from waypost.kernel.topic import Topic
from waypost.ports.broker import OutgoingRecord, TopicUnavailable
from waypost.ports.subscription import Partition
from waypost.project import configured, project
from waypost.testing.eventually import eventually
from waypost.testing.topics import admin, create_topic, read_topic, unique

PREFIX = unique("staging") + "."
KEY = str(uuid4()).encode()


@pytest.fixture(autouse=True)
def _prefixed() -> Iterator[None]:
    with configured(replace(project(), topic_prefix=PREFIX)):
        yield


@pytest.fixture
async def topic(kafka: str) -> str:
    """Created as the application declares it, with one record."""
    declared = Topic(
        name=unique("club.members"),
        purpose="a test",
        partitions=2,
        replication=1,
        configuration={"retention.ms": "60000"},
    )
    assert await ensure_topics(kafka, [declared]) == [declared.name]
    assert await ensure_topics(kafka, [declared]) == []
    async with connected_client(kafka) as client:
        await eventually(lambda: is_known(client, declared.name))
    async with senders(KafkaBroker(kafka)) as publisher:
        await publisher.send([OutgoingRecord(declared.name, shard_for(KEY), KEY, b"value", [], 1_000_000)])
    return declared.name


async def created_by_others(bootstrap: str) -> str:
    """A topic of the cluster without the prefix."""
    with configured(replace(project(), topic_prefix="")):
        return await create_topic(bootstrap, unique("club.strangers"))


async def is_known(client: object, topic: str) -> bool:
    found = (await describe(client, [topic])).get(topic)
    return found is not None and found.error is None


async def test_records_are_on_the_prefixed_topic(kafka: str, topic: str) -> None:
    assert [record.key for record in await read_topic(kafka, PREFIX + topic)] == [KEY]
    async with admin(kafka) as client:
        names = await client.list_topics()
    assert PREFIX + topic in names
    assert topic not in names


async def test_a_consumer_reads_them_under_the_applications_name(kafka: str, topic: str) -> None:
    group = unique("club")
    subscription, assigned = KafkaSubscription(kafka, group), Assigned()
    try:
        await subscription.join([topic], assigned)
        assert assigned.partitions == {Partition(topic, 0), Partition(topic, 1)}
        ends = await subscription.end_offsets(assigned.partitions)
        (written,) = [each for each, end in ends.items() if end == 1]
        subscription.seek(written, 0)
        (record,) = await subscription.poll(written, max_records=5, timeout_seconds=10)
        assert (record.topic, record.key) == (topic, KEY)
        assert set(await subscription.topic_states([topic])) == {topic}
        await subscription.commit({written: 1})
    finally:
        await subscription.leave()
    async with admin(kafka) as client:
        assert PREFIX + group in await groups_of(client)
        assert group not in await groups_of(client)


async def groups_of(client: AIOKafkaAdminClient) -> set[str]:
    return {name for name, _ in await client.list_consumer_groups()}


async def test_a_log_and_the_catalog_have_the_applications_names_alone(kafka: str, topic: str) -> None:
    foreign = await created_by_others(kafka)
    partitions = await partitions_of(kafka)
    assert topic in partitions
    assert foreign not in partitions
    assert topic in {this_topic.name for this_topic in await catalog(kafka)}
    async with KafkaTopicLogs(kafka).opened(partitions[topic]) as log:
        assert sum((await log.end_offsets()).values()) == 1
        (record,) = await log.read_any(max_records=5, timeout_seconds=10)
    assert (record.topic, record.key) == (topic, KEY)


async def test_a_topic_without_the_prefix_is_not_the_applications(kafka: str) -> None:
    foreign = await created_by_others(kafka)
    async with senders(KafkaBroker(kafka)) as publisher:
        with pytest.raises(TopicUnavailable, match=f"topic {foreign} is not available"):
            await publisher.send([OutgoingRecord(foreign, shard_for(KEY), KEY, b"value", [], 1_000_000)])
