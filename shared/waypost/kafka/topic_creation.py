"""Creates the declared topics on a cluster."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.refusals import reaching
from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.topic import MIN_INSYNC_REPLICAS, Topic
from waypost.ports.brokers import Brokers
from waypost.project import from_cluster, is_ours, on_cluster

NO_ERROR = 0
CREATION_SECONDS = 60.0
"""Limit of all requests."""
CLOSE_SECONDS = 2.0


class PartitionsChanged(Misconfigured):
    """A topic has another number of partitions than declared; a change would move keys between
    partitions and lose their order.
    """


class TooFewReplicas(Misconfigured):
    """A topic has fewer replicas than declared, or a lower `min.insync.replicas`, so that the loss
    of a broker may lose acknowledged records.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTopic:
    """A topic of the cluster."""

    partitions: int
    replication: int
    """The smallest number of replicas of its partitions."""
    min_insync_replicas: int


async def ensure_topics(bootstrap: Brokers, topics: Sequence[Topic]) -> Sequence[str]:
    """Creates missing topics and returns their names. Raises PartitionsChanged or TooFewReplicas,
    before anything is created, for a topic that differs, and Transient if the brokers do not
    answer.
    """
    admin = AIOKafkaAdminClient(**client_arguments(bootstrap))
    try:
        async with asyncio.timeout(CREATION_SECONDS):
            async with reaching(bootstrap):
                await admin.start()
            return await _create_missing(admin, topics)
    except TimeoutError as error:
        raise Transient(f"the brokers at {bootstrap} did not create the topics in time") from error
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await admin.close()


async def _create_missing(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> Sequence[str]:
    existing = await _existing(admin, {topic.name for topic in topics})
    _refuse_changes(topics, existing)
    missing = [topic for topic in topics if topic.name not in existing]
    await _create(admin, missing)
    return [topic.name for topic in missing]


async def _existing(admin: AIOKafkaAdminClient, wanted: Collection[str]) -> Mapping[str, ExistingTopic]:
    described = {
        name: topic["partitions"]
        for topic in await admin.describe_topics()
        if is_ours(topic["topic"]) and (name := from_cluster(topic["topic"])) in wanted
    }
    min_insync_replicas = await _min_insync_replicas(admin, described)
    return {
        name: ExistingTopic(
            partitions=len(partitions),
            replication=min(len(partition["replicas"]) for partition in partitions),
            min_insync_replicas=min_insync_replicas[name],
        )
        for name, partitions in described.items()
        if name in min_insync_replicas and partitions  # not one that is being deleted
    }


async def _min_insync_replicas(admin: AIOKafkaAdminClient, names: Collection[str]) -> Mapping[str, int]:
    if not names:
        return {}
    wanted = {MIN_INSYNC_REPLICAS: None}
    resources = [ConfigResource(ConfigResourceType.TOPIC, on_cluster(name), configs=wanted) for name in names]
    (answer,) = await admin.describe_configs(resources)
    found = {}
    for code, _, _, name, entries in answer.resources:
        if code == UnknownTopicOrPartitionError.errno:
            continue  # it is being deleted
        if code != NO_ERROR:
            raise for_code(code)(name)
        found[from_cluster(name)] = int(entries[0][1])
    return found


def _refuse_changes(topics: Sequence[Topic], existing: Mapping[str, ExistingTopic]) -> None:
    for topic in topics:
        if (found := existing.get(topic.name)) is None:
            continue
        if found.partitions != topic.partitions:
            raise PartitionsChanged(
                f"{topic.name} has {found.partitions} partitions, topics.yaml says {topic.partitions}: change the file back"
                f" to {found.partitions}, or publish to a topic of a new name",
                topic=topic.name,
            )
        if found.replication < topic.replication or found.min_insync_replicas < topic.min_insync_replicas:
            raise TooFewReplicas(
                f"{topic.name} has replication {found.replication} and {MIN_INSYNC_REPLICAS} {found.min_insync_replicas},"
                f" topics.yaml says {topic.replication} and {topic.min_insync_replicas}: raise them on the cluster with"
                " kafka-reassign-partitions and kafka-configs",
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
