"""AsyncAPI channel objects of declared topics."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waypost.hosting.asyncapi.messages import KAFKA_BINDING
from waypost.kernel.errors import Misconfigured
from waypost.kernel.event import Event
from waypost.kernel.topic import Topic
from waypost.project import on_cluster

_SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "cleanup.policy": lambda text: text.split(","),
    "retention.ms": int,
    "retention.bytes": int,
}
"""Settings of a topic that matter to its readers. Kafka stores them as text, the binding as lists
and numbers.
"""


def channel_of(topic: str, kinds: Iterable[type[Event]], topics: Iterable[Topic]) -> dict[str, Any]:
    """The AsyncAPI channel object of a topic. Raises Misconfigured if the topic is not declared."""
    declared = {declaration.name: declaration for declaration in topics}
    if topic not in declared:
        raise Misconfigured(f"topic {topic} is not in topics.yaml: declare it there")
    return {
        "address": on_cluster(topic),
        "description": declared[topic].purpose,
        "messages": {kind.type: {"$ref": f"#/components/messages/{kind.type}"} for kind in kinds},
        "bindings": {"kafka": _binding(declared[topic])},
    }


def _binding(topic: Topic) -> dict[str, Any]:
    return {
        "partitions": topic.partitions,
        "replicas": topic.replication,
        "topicConfiguration": {name: parse(topic.configuration[name]) for name, parse in _SETTINGS.items()},
        "bindingVersion": KAFKA_BINDING,
    }
