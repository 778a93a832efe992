"""`waypost topics`"""

import asyncio
from dataclasses import asdict
from datetime import timedelta

from waypost.cli.output import AsJson, console, span_of, table, to_json
from waypost.cli.services import stack_setting
from waypost.kafka.catalog import CatalogedTopic, catalog
from waypost.project import variable

FOR_EVER = -1


def topics(as_json: AsJson = False) -> None:
    """Every topic: its partitions, how long it keeps records, and how many it holds."""
    found = asyncio.run(catalog(stack_setting(variable("KAFKA_BOOTSTRAP"))))
    if as_json:
        console.print(to_json([asdict(each) for each in found]), soft_wrap=True)
        return
    shown = table(
        "topic", "partitions", "cleanup", "retention", "records", "partition:low-high", right=("partitions", "records")
    )
    for each in found:
        held = sum(offsets.high - offsets.low for offsets in each.partitions.values())
        shown.add_row(
            each.name, str(len(each.partitions)), each.cleanup_policy, _retention(each), str(held), _offsets(each)
        )
    console.print(shown)


def _retention(topic: CatalogedTopic) -> str:
    limits = [
        span_of(timedelta(milliseconds=topic.retention_ms)) if topic.retention_ms != FOR_EVER else "",
        f"{topic.retention_bytes} bytes" if topic.retention_bytes != FOR_EVER else "",
    ]
    return ", ".join(filter(None, limits)) or "for ever"


def _offsets(topic: CatalogedTopic) -> str:
    used = ((number, each) for number, each in sorted(topic.partitions.items()) if each.high)
    return " ".join(f"{number}:{each.low}-{each.high}" for number, each in used)
