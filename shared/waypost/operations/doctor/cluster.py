"""Checks of the cluster's topics against their declaration."""

from collections.abc import Callable, Iterator, Mapping

from waypost.kafka.catalog import CatalogedTopic
from waypost.kernel.topic import MIN_INSYNC_REPLICAS, Topic
from waypost.operations.doctor.finding import Finding, republish
from waypost.project import on_cluster

_RETENTION = ("cleanup.policy", "retention.ms", "retention.bytes", "max.compaction.lag.ms")


def missing(declared: Topic, found: CatalogedTopic | None) -> Iterator[Finding]:
    if found is None:
        problem = f"{declared.name} does not exist"
        yield Finding(problem=problem, remedy=f"create it, then: {republish(declared.name)}")


def partitions(declared: Topic, found: CatalogedTopic | None) -> Iterator[Finding]:
    if found is None:
        return
    if len(found.partitions) != declared.partitions:
        problem = (
            f"{declared.name} has {len(found.partitions)} partitions, and topics.yaml says {declared.partitions}: keys would"
            " move to other partitions, and lose their order"
        )
        remedy = f"write {len(found.partitions)} in topics.yaml, or publish to a topic of a new name"
        yield Finding(problem=problem, remedy=remedy)
    if found.leaderless:
        problem = f"{declared.name} has no leader for partitions {', '.join(map(str, found.leaderless))}: they take no records"
        yield Finding(problem=problem, remedy="start the brokers that have these partitions")


def replication(declared: Topic, found: CatalogedTopic | None) -> Iterator[Finding]:
    if found is None:
        return
    if found.replication < declared.replication:
        problem = f"{declared.name} has {found.replication} replicas, and topics.yaml says {declared.replication}"
        yield Finding(problem=problem, remedy="raise it with kafka-reassign-partitions")
    if found.min_insync_replicas < declared.min_insync_replicas:
        problem = (
            f"{declared.name} has {MIN_INSYNC_REPLICAS} {found.min_insync_replicas}, and topics.yaml says"
            f" {declared.min_insync_replicas}: the loss of a broker may lose acknowledged records"
        )
        yield Finding(problem=problem, remedy=_alter(declared, MIN_INSYNC_REPLICAS, str(declared.min_insync_replicas)))
    if found.in_sync < found.replication and not found.leaderless:
        problem = f"{declared.name} has partitions with {found.in_sync} of {found.replication} replicas in sync"
        yield Finding(problem=problem, remedy="start the brokers that are missing")


def retention(declared: Topic, found: CatalogedTopic | None) -> Iterator[Finding]:
    """Kafka would delete records that rebuilds need, or keep destroyed keys."""
    if found is None:
        return
    actual = (
        found.cleanup_policy,
        str(found.retention_ms),
        str(found.retention_bytes),
        str(found.max_compaction_lag_ms),
    )
    for name, value in zip(_RETENTION, actual, strict=True):
        wanted = declared.configuration.get(name)
        if wanted is not None and wanted != value:
            problem = f"{declared.name} has {name} {value}, and topics.yaml says {wanted}"
            yield Finding(problem=problem, remedy=_alter(declared, name, wanted))


def deleted_records(declared: Topic, found: CatalogedTopic | None) -> Iterator[Finding]:
    """A topic whose first records are gone. It stays so after they were published again."""
    if found is None:
        return
    if begun := [number for number, offsets in sorted(found.partitions.items()) if offsets.low > 0]:
        problem = f"the first records of {declared.name} were deleted, in partitions {', '.join(map(str, begun))}"
        remedy = (
            f"waypost events republish {declared.name} --dry-run counts the missing events;"
            f" {republish(declared.name)} publishes them"
        )
        yield Finding(problem=problem, remedy=remedy, is_note=True)


def _alter(declared: Topic, name: str, value: str) -> str:
    topic = on_cluster(declared.name)
    return f"kafka-configs --bootstrap-server BROKERS --alter --entity-type topics --entity-name {topic} --add-config {name}={value}"


TOPIC_CHECKS: Mapping[str, Callable[[Topic, CatalogedTopic | None], Iterator[Finding]]] = {
    "topics": missing,
    "partitions": partitions,
    "replication": replication,
    "retention": retention,
    "deleted-records": deleted_records,
}
