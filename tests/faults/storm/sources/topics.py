"""Every record of every topic that carries versions."""

from collections.abc import Sequence

from tests.faults.storm.evidence import WITHOUT_VERSIONS, SeenRecord
from waypost.schemas.topics import declared_topics
from waypost.testing.topics import read_topic


async def records(bootstrap: str) -> Sequence[SeenRecord]:
    return [
        SeenRecord(
            topic=envelope.topic,
            partition=envelope.partition,
            offset=envelope.offset,
            key=envelope.key.decode(),
            value=envelope.value,
            headers={name: value.decode() for name, value in envelope.headers},
        )
        for topic in declared_topics()
        if topic.name not in WITHOUT_VERSIONS
        for envelope in await read_topic(bootstrap, topic.name)
    ]
