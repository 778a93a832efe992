"""Topic metadata from a real cluster."""

import pytest

from waypost.kafka.topic_creation import TooFewReplicas, ensure_topics
from waypost.kafka.topics import connected_client, describe
from waypost.kernel.errors import Transient
from waypost.kernel.topic import Topic
from waypost.testing.eventually import eventually
from waypost.testing.topics import create_topic, delete_topic, unique


def declared(name: str, *, replication: int) -> Topic:
    configuration = {"min.insync.replicas": "2" if replication > 1 else "1"}
    return Topic(name=name, purpose="people", partitions=2, replication=replication, configuration=configuration)


async def test_a_topic_is_described_by_its_id_and_partitions(kafka: str) -> None:
    name = await create_topic(kafka, unique("users.user"), partitions=5)
    async with connected_client(kafka) as client:
        topic = (await describe(client, [name]))[name]
    assert (topic.name, topic.partitions, topic.error) == (name, 5, None)
    assert topic.topic_id.int != 0


async def test_recreated_topic_has_another_id(kafka: str) -> None:
    name = await create_topic(kafka, unique("users.user"))
    async with connected_client(kafka) as client:

        async def is_gone() -> bool:
            return name not in await describe(client, [name])

        before = (await describe(client, [name]))[name]
        await delete_topic(kafka, name)
        await eventually(is_gone)
        await create_topic(kafka, name)
        assert (await describe(client, [name]))[name].topic_id != before.topic_id


async def test_a_topic_that_is_not_there_is_left_out_and_not_created(kafka: str) -> None:
    name = unique("users.user")
    async with connected_client(kafka) as client:
        assert await describe(client, [name]) == {}
        assert await describe(client, [name]) == {}


async def test_a_topic_with_fewer_replicas_than_declared_is_refused(kafka: str) -> None:
    name = unique("users.user")
    await ensure_topics(kafka, [declared(name, replication=1)])
    assert await ensure_topics(kafka, [declared(name, replication=1)]) == []
    other = unique("users.user")
    with pytest.raises(TooFewReplicas, match=f"{name} has replication 1 and .* 1, topics.yaml says 3 and 2"):
        await ensure_topics(kafka, [declared(other, replication=1), declared(name, replication=3)])
    async with connected_client(kafka) as client:
        assert other not in await describe(client, [other])


async def test_a_cluster_that_does_not_answer_is_transient() -> None:
    with pytest.raises(Transient):
        async with connected_client("127.0.0.1:1"):
            pass
