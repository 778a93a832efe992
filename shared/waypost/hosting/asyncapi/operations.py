"""Operations of a service: the events that it publishes, and the events that each consumer
handles.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, Literal

from waypost.hosting.asyncapi.messages import KAFKA_BINDING
from waypost.hosting.asyncapi.recorded import recorded_events
from waypost.hosting.processes import ServiceProcess
from waypost.hosting.service import Service
from waypost.kernel.event import Event
from waypost.ports.consumers import group_name
from waypost.project import on_cluster, project


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation on one topic."""

    name: str
    action: Literal["send", "receive"]
    topic: str
    kinds: tuple[type[Event], ...]
    title: str
    summary: str
    description: str
    group: str | None = None
    """Consumer group of a receiver."""

    def as_dict(self) -> dict[str, Any]:
        channel = f"#/channels/{self.topic}"
        document: dict[str, Any] = {
            "action": self.action,
            "channel": {"$ref": channel},
            "title": self.title,
            "summary": self.summary,
            "description": self.description,
            "messages": [{"$ref": f"{channel}/messages/{kind.type}"} for kind in self.kinds],
        }
        if self.group is not None:
            group = {"type": "string", "enum": [on_cluster(self.group)]}
            document["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
        return document


def operations_of(service: Service) -> Iterator[Operation]:
    yield from _sending(service)
    for consumer in service.consumers:
        kind = type(consumer)
        yield from _receiving(group_name(service.name, consumer), kind.__name__, getdoc(kind), consumer.handlers)
    if service.live_view is not None:
        group = f"{service.name}.{ServiceProcess.LIVE}"
        yield from _receiving(group, "Live view", getdoc(type(service.live_view)), service.live_view.handles)


def _sending(service: Service) -> Iterator[Operation]:
    for topic, kinds in _by_topic(recorded_events(f"{project().services}.{service.name}")):
        yield Operation(
            name=f"publish.{topic}",
            action="send",
            topic=topic,
            kinds=kinds,
            title=topic,
            summary=f"{service.name} publishes events to {topic}",
            description="Events are in order per key and delivered at least once, each time with the same `ce_id`.",
        )


def _receiving(group: str, kind: str, purpose: str | None, handled: Iterable[type[Event]]) -> Iterator[Operation]:
    for topic, kinds in _by_topic(handled):
        yield Operation(
            name=f"{group}.{topic}",
            action="receive",
            topic=topic,
            kinds=kinds,
            title=f"{topic} → {group}",
            summary=f"{kind} {group} handles events of {topic}",
            description=purpose or "",
            group=group,
        )


def _by_topic(kinds: Iterable[type[Event]]) -> Iterator[tuple[str, tuple[type[Event], ...]]]:
    by_topic: dict[str, list[type[Event]]] = defaultdict(list)
    for kind in sorted(kinds, key=lambda event: event.type):
        by_topic[kind.topic].append(kind)
    for topic in sorted(by_topic):
        yield topic, tuple(by_topic[topic])
