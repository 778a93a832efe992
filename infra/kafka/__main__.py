"""`python -m infra.kafka`: creates the missing topics on the cluster at WAYPOST_KAFKA_BOOTSTRAP, an
address for each of its brokers.
"""

import asyncio
import os
import sys

from infra.kafka.replication import replicated
from waypost.kafka.topic_creation import PartitionsChanged, TooFewReplicas, ensure_topics
from waypost.schemas.topics import declared_topics


def main() -> None:
    bootstrap = os.environ.get("WAYPOST_KAFKA_BOOTSTRAP")
    if not bootstrap:
        sys.exit("WAYPOST_KAFKA_BOOTSTRAP is not set: host:port of each broker, separated by commas")
    topics = replicated(declared_topics(), brokers=len(bootstrap.split(",")))
    try:
        created = asyncio.run(ensure_topics(bootstrap, topics))
    except (PartitionsChanged, TooFewReplicas) as error:
        sys.exit(str(error))
    print(f"created {', '.join(created)}" if created else "all topics exist")


if __name__ == "__main__":
    main()
