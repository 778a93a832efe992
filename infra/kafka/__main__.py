"""`python -m infra.kafka`: creates the missing topics on the cluster at WAYPOST_KAFKA_BOOTSTRAP, an
address for each of its brokers.

With WAYPOST_KAFKA_PASSWORDS_DIRECTORY, a folder of `<user>.password` files, it also creates the
users of every process, and adds the rights that follow from the services' declarations. It needs a
connection that may do this.

`python -m infra.kafka prune` removes the rights of these users that no service declares any more.
Run it after an upgrade, when no process of the older release runs: that release needs its rights.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.kafka.access import ensure_access, prune_access
from infra.kafka.replication import replicated
from waypost.kafka.topic_creation import ensure_topics
from waypost.kernel.errors import WaypostError
from waypost.ports.brokers import BrokerConnection, connection_from
from waypost.schemas.topics import declared_topics

PASSWORDS = "WAYPOST_KAFKA_PASSWORDS_DIRECTORY"
PRUNE = "prune"


def main(arguments: Sequence[str]) -> None:
    try:
        brokers = connection_from(os.environ)
        if list(arguments) == [PRUNE]:
            asyncio.run(_prune(brokers))
        elif arguments:
            sys.exit(f"python -m infra.kafka has no argument {' '.join(arguments)}: give {PRUNE}, or none")
        else:
            asyncio.run(_ensure(brokers, os.environ.get(PASSWORDS)))
    except WaypostError as error:
        sys.exit(str(error))


async def _ensure(brokers: BrokerConnection, passwords: str | None) -> None:
    topics = replicated(declared_topics(), brokers=len(brokers.bootstrap.split(",")))
    created = await ensure_topics(brokers, topics)
    print(f"created {', '.join(created)}" if created else "all topics exist")
    if passwords is not None:
        change = await ensure_access(brokers, Path(passwords))
        print(f"access rules: {len(change.added)} added")
        if change.undeclared:
            print(
                f"{len(change.undeclared)} access rules are declared by no service of this release. Remove them with"
                f" `python -m infra.kafka {PRUNE}` when no process of an older release runs"
            )


async def _prune(brokers: BrokerConnection) -> None:
    change = await prune_access(brokers)
    print(f"access rules: {len(change.added)} added, {len(change.undeclared)} removed")
    for rule in change.undeclared:
        print(f"  removed: {rule}")
    if change.kept:
        print(
            f"{len(change.kept)} other access rules of these users stay; an administrator removes them with kafka-acls"
        )
    for rule in change.kept:
        print(f"  stays: {rule}")


if __name__ == "__main__":
    main(sys.argv[1:])
