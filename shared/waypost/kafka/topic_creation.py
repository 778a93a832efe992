"""Creates the declared topics on a cluster."""

from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from waypost.kernel.errors import Misconfigured
from waypost.kernel.topic import Topic
from waypost.project import from_cluster, is_ours, on_cluster

NO_ERROR = 0


class PartitionsChanged(Misconfigured):
    """A topic has another number of partitions than declared; a change would move keys between
    partitions and lose their order.
    """


async def ensure_topics(bootstrap: str, topics: Sequence[Topic]) -> Sequence[str]:
    """Creates missing topics and returns their names. Raises PartitionsChanged, before anything is
    created, for a topic that differs.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        existing = await _partitions(admin)
        _refuse_changes(topics, existing)
        missing = [topic for topic in topics if topic.name not in existing]
        await _create(admin, missing)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def _partitions(admin: AIOKafkaAdminClient) -> Mapping[str, int]:
    described = await admin.describe_topics()
    return {from_cluster(topic["topic"]): len(topic["partitions"]) for topic in described if is_ours(topic["topic"])}


def _refuse_changes(topics: Sequence[Topic], existing: Mapping[str, int]) -> None:
    for topic in topics:
        count = existing.get(topic.name, topic.partitions)
        if count != topic.partitions:
            raise PartitionsChanged(
                f"{topic.name} has {count} partitions, topics.yaml says {topic.partitions}: change the file back to {count},"
                " or publish to a topic of a new name",
                topic=topic.name,
            )


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    if not topics:
        return
    new = [
        NewTopic(on_cluster(topic.name), topic.partitions, topic.replication, topic_configs=dict(topic.configuration))
        for topic in topics
    ]
    answer = await admin.create_topics(new)
    for name, code, *_ in answer.topic_errors:
        if code not in (NO_ERROR, TopicAlreadyExistsError.errno):  # another process may have created it
            raise for_code(code)(name)
