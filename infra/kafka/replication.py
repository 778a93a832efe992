"""The replication of topics on a local cluster. `topics.yaml` declares one broker, on which most
stacks and tests run; on a production cluster, declare the replication there.
"""

from collections.abc import Sequence
from dataclasses import replace

from waypost.kernel.topic import MIN_INSYNC_REPLICAS, Topic
from waypost.native.configuration.kafka import REPLICATION, min_insync_replicas


def replicated(topics: Sequence[Topic], *, brokers: int) -> Sequence[Topic]:
    """The topics as a cluster of this many brokers needs them: replication 3 and
    `min.insync.replicas` 2 from three brokers on. One broker: as they are declared.
    """
    if brokers < REPLICATION:
        return topics
    minimum = {MIN_INSYNC_REPLICAS: str(min_insync_replicas(brokers))}
    return [
        replace(topic, replication=REPLICATION, configuration={**topic.configuration, **minimum}) for topic in topics
    ]
