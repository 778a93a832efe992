"""The rights in Kafka that each process of a service needs, from what the service declares. A new
topic or consumer needs no second list.

| user | rights |
|---|---|
| `<service>-api` | reads the topics of the consumers: an operator route shows their lag |
| `<service>-worker` | writes the service's topics; reads those of its consumers, as their groups |
| `<service>-live` | reads the topics of the view; writes its own and those it publishes to |
| `<service>-command` | reads all topics and positions of live views; writes the service's topics |

`jobs` and `migrate` do not connect to Kafka.
"""

from collections.abc import Iterator, Sequence

from waypost.hosting.kafka_users import COMMAND, user_of
from waypost.hosting.processes import ServiceProcess
from waypost.hosting.service import Service
from waypost.kafka.access import AccessRule, Operation, Pattern, Resource
from waypost.ports.consumers import declaration_of
from waypost.project import on_cluster

CLUSTER = "kafka-cluster"
"""The name of the only resource of the kind CLUSTER."""


def access_rules(service: Service) -> Sequence[AccessRule]:
    """Every right of the service's processes, sorted."""
    rules = {*_api(service), *_worker(service), *_command(service)}
    if service.live_view is not None:
        rules |= set(_live(service))
    return sorted(rules)


def own_topics(service: Service) -> Sequence[str]:
    """The application's names of the topics that the service publishes to."""
    return [topic.name for topic in service.topics if topic.name.startswith(f"{service.name}.")]


def _api(service: Service) -> Iterator[AccessRule]:
    yield from _reads(user_of(service.name, ServiceProcess.API), _consumed(service))


def _worker(service: Service) -> Iterator[AccessRule]:
    user = user_of(service.name, ServiceProcess.WORKER)
    yield from _writes(user, own_topics(service))
    yield from _reads(user, _consumed(service))
    for group in _groups(service):
        yield AccessRule(user=user, resource=Resource.GROUP, name=on_cluster(group), operation=Operation.READ)


def _live(service: Service) -> Iterator[AccessRule]:
    """Faust names its internal topics after its application, whose name is that of the group."""
    user, name = user_of(service.name, ServiceProcess.LIVE), on_cluster(f"{service.name}.live")
    view = service.live_view
    yield from _reads(user, {event.topic for event in view.handles} if view else set())
    yield from _writes(user, {event.topic for event in view.publishes} if view else set())
    yield AccessRule(user=user, resource=Resource.GROUP, name=name, operation=Operation.READ)
    yield AccessRule(
        user=user, resource=Resource.TOPIC, name=f"{name}-", operation=Operation.ALL, pattern=Pattern.PREFIXED
    )


def _command(service: Service) -> Iterator[AccessRule]:
    user = user_of(service.name, COMMAND)
    topics = [topic.name for topic in service.topics]
    yield from _reads(user, topics)
    yield from _writes(user, own_topics(service))
    for topic in topics:
        yield _on_topic(user, topic, Operation.DESCRIBE_CONFIGS)
    yield AccessRule(user=user, resource=Resource.CLUSTER, name=CLUSTER, operation=Operation.DESCRIBE)
    for owner in sorted({topic.partition(".")[0] for topic in topics}):
        live = on_cluster(f"{owner}.live")
        yield AccessRule(user=user, resource=Resource.GROUP, name=live, operation=Operation.DESCRIBE)
        for operation in (Operation.READ, Operation.DESCRIBE):
            yield AccessRule(
                user=user, resource=Resource.TOPIC, name=f"{live}-", operation=operation, pattern=Pattern.PREFIXED
            )


def _consumed(service: Service) -> Sequence[str]:
    declared = [declaration_of(service.name, consumer) for consumer in service.consumers]
    return sorted({topic for each in declared for topic in each.topics})


def _groups(service: Service) -> Sequence[str]:
    return [declaration_of(service.name, consumer).group for consumer in service.consumers]


def _reads(user: str, topics: Sequence[str] | set[str]) -> Iterator[AccessRule]:
    for topic in topics:
        yield _on_topic(user, topic, Operation.READ)
        yield _on_topic(user, topic, Operation.DESCRIBE)


def _writes(user: str, topics: Sequence[str] | set[str]) -> Iterator[AccessRule]:
    for topic in topics:
        yield _on_topic(user, topic, Operation.WRITE)
        yield _on_topic(user, topic, Operation.DESCRIBE)


def _on_topic(user: str, topic: str, operation: Operation) -> AccessRule:
    return AccessRule(user=user, resource=Resource.TOPIC, name=on_cluster(topic), operation=operation)
