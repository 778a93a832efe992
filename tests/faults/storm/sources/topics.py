"""Every record of every topic that carries versions."""

from collections.abc import Sequence

from tests.faults.storm.evidence import SeenRecord
from waypost.schemas.topics import declared_topics
from waypost.testing.topics import read_topic

WITHOUT_VERSIONS = "billing.revenue"


async def records(bootstrap: str) -> Sequence[SeenRecord]:
    return [
        SeenRecord(
            topic=each.topic,
            partition=each.partition,
            offset=each.offset,
            key=each.key.decode(),
            value=each.value,
            headers={name: value.decode() for name, value in each.headers},
        )
        for topic in declared_topics()
        if topic.name != WITHOUT_VERSIONS
        for each in await read_topic(bootstrap, topic.name)
    ]
