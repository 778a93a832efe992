"""What a service does with events: those that it publishes, and those that each of its consumers
handles.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, Literal

from waypost.engine.consumer import group_name
from waypost.hosting.asyncapi.messages import KAFKA_BINDING
from waypost.hosting.asyncapi.recorded import recorded_events
from waypost.hosting.processes import ServiceProcess
from waypost.hosting.service import Service
from waypost.kernel.event import Event
from waypost.project import on_cluster, project


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Of one topic."""

    name: str
    action: Literal["send", "receive"]
    topic: str
    kinds: tuple[type[Event], ...]
    title: str
    summary: str
    description: str
    group: str | None = None
    """Consumer group of a receiver."""

    def told(self) -> dict[str, Any]:
        channel = f"#/channels/{self.topic}"
        told: dict[str, Any] = {
            "action": self.action,
            "channel": {"$ref": channel},
            "title": self.title,
            "summary": self.summary,
            "description": self.description,
            "messages": [{"$ref": f"{channel}/messages/{kind.type}"} for kind in self.kinds],
        }
        if self.group is not None:
            group = {"type": "string", "enum": [on_cluster(self.group)]}
            told["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
        return told


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
            summary=f"What {service.name} publishes on {topic}",
            description="In the order of each key; at least once, with the same `ce_id` each time.",
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
    found: dict[str, list[type[Event]]] = defaultdict(list)
    for kind in sorted(kinds, key=lambda each: each.type):
        found[kind.topic].append(kind)
    for topic in sorted(found):
        yield topic, tuple(found[topic])
