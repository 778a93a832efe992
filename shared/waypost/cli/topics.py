"""`waypost topics`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from waypost.cli.output import AsJson, console, present, span_of, table
from waypost.cli.services import stack_brokers
from waypost.kafka.catalog import CatalogedTopic, catalog

UNLIMITED = -1


def topics(as_json: AsJson = False) -> None:
    """Lists the topics: partitions, retention and number of records."""
    found = asyncio.run(catalog(stack_brokers()))
    present([asdict(topic) for topic in found], lambda: _show(found), as_json=as_json)


def _show(topics: Sequence[CatalogedTopic]) -> None:
    rows = table(
        "topic", "partitions", "cleanup", "retention", "records", "partition:low-high", right=("partitions", "records")
    )
    for topic in topics:
        records = sum(offsets.high - offsets.low for offsets in topic.partitions.values())
        rows.add_row(
            topic.name,
            str(len(topic.partitions)),
            topic.cleanup_policy,
            _retention(topic),
            str(records),
            _offsets(topic),
        )
    console.print(rows)


def _retention(topic: CatalogedTopic) -> str:
    limits = [
        span_of(timedelta(milliseconds=topic.retention_ms)) if topic.retention_ms != UNLIMITED else "",
        f"{topic.retention_bytes} bytes" if topic.retention_bytes != UNLIMITED else "",
    ]
    return ", ".join(filter(None, limits)) or "unlimited"


def _offsets(topic: CatalogedTopic) -> str:
    used = ((number, offsets) for number, offsets in sorted(topic.partitions.items()) if offsets.high)
    return " ".join(f"{number}:{offsets.low}-{offsets.high}" for number, offsets in used)
