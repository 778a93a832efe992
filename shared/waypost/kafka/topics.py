"""Topic metadata of the cluster: existence, number of partitions, and topic id."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NodeNotReadyError, UnknownTopicOrPartitionError, for_code

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.metadata_request import TopicMetadataRequest
from waypost.kafka.refusals import reaching
from waypost.kernel.errors import Misconfigured, Transient
from waypost.ports.brokers import Brokers
from waypost.project import from_cluster, on_cluster

_UNKNOWN_TOPIC: int = UnknownTopicOrPartitionError.errno


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Metadata of one topic."""

    name: str
    topic_id: UUID
    """The topic's id (KIP-516). A different id under the same name is another topic: the old one
    was deleted, and its offsets are not valid.
    """
    partitions: int
    leader_epochs: Mapping[int, int]
    """By partition; see `waypost.ports.subscription.TopicState`."""
    error: str | None = None
    """The reason why the topic cannot be used now: no leader, or no permission for this client."""


async def describe(client: AIOKafkaClient, names: Collection[str]) -> Mapping[str, Topic]:
    """Existing topics, by the application's name. Raises Transient if no broker answers."""
    answer = await _answer_of_any(client, TopicMetadataRequest(sorted(map(on_cluster, names))))
    return {
        name: Topic(
            name=name,
            topic_id=topic_id,
            partitions=len(partitions),
            leader_epochs={number: epoch for _, number, _, epoch, *_ in partitions},
            error=_error(code),
        )
        for code, name, topic_id, partitions in _named(answer.topics)
        if code != _UNKNOWN_TOPIC
    }


async def _answer_of_any(client: AIOKafkaClient, request: TopicMetadataRequest) -> Any:
    """The answer of the first broker that gives one: another one may be frozen."""
    failure: Exception = NodeNotReadyError("no broker is known yet")
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)
    for node in nodes:
        try:
            return await client.send(node, request)
        except (KafkaError, OSError, TimeoutError) as error:
            failure = error
    raise Transient(f"the cluster did not return topic metadata: {failure!r}") from failure


@asynccontextmanager
async def connected_client(bootstrap: Brokers) -> AsyncIterator[AIOKafkaClient]:
    """A client for metadata requests, for callers without a producer or consumer. Raises Transient
    if no broker answers.
    """
    client = AIOKafkaClient(**client_arguments(bootstrap))
    try:
        async with reaching(bootstrap):
            await client.bootstrap()
        yield client
    finally:
        await client.close()


def _named(topics: Iterable[Any]) -> Iterator[tuple[int, str, UUID, Sequence[Any]]]:
    for code, name, topic_id, _, partitions, *_ in topics:
        yield code, from_cluster(name), topic_id, partitions


def _error(code: int) -> str | None:
    return None if code == 0 else for_code(code).__name__


async def answers(brokers: Brokers, *, seconds: float = 2.0) -> bool:
    """True if a client that signs in receives the cluster's metadata in time."""
    try:
        async with asyncio.timeout(seconds), connected_client(brokers):
            return True
    except (Transient, Misconfigured, TimeoutError):
        return False
