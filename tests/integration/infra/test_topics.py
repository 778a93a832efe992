"""Topics are created from their declaration; a declaration that would lose order is refused."""

from dataclasses import replace

import pytest

from waypost.kafka.topic_creation import PartitionsChanged, ensure_topics
from waypost.schemas.topics import declared_topics


async def test_missing_topics_are_created_once_and_a_changed_partition_count_is_refused(kafka: str) -> None:
    topics = [replace(topic, name=f"topics-test.{topic.name}") for topic in declared_topics()]
    assert await ensure_topics(kafka, topics) == [topic.name for topic in topics]
    assert await ensure_topics(kafka, topics) == []

    grown = [replace(topics[0], partitions=16), replace(topics[1], name="topics-test.new")]
    with pytest.raises(PartitionsChanged, match=r"has 8 partitions, topics.yaml says 16"):
        await ensure_topics(kafka, grown)
    assert await ensure_topics(kafka, [grown[1]]) == ["topics-test.new"]  # the refused call created nothing
