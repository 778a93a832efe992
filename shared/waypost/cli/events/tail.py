"""`waypost events tail`"""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.output import AsJson, moment, print_to_stderr, to_json
from waypost.cli.parsers import parse_id
from waypost.cli.services import chosen_services, service_names, stack_brokers, start_hint
from waypost.kafka.catalog import chosen_from, partitions_of
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kernel.errors import NotFound
from waypost.kernel.text import visible
from waypost.operations.records import RecordView, as_dict
from waypost.ports.subscription import Partition
from waypost.telemetry.tracing import trace_id_of

BATCH = 500
POLL_SECONDS = 0.5


LINE_BREAK = "\n    "


class Start(StrEnum):
    BEGINNING = "beginning"
    END = "end"


def tail(
    topics: Annotated[
        list[str] | None, typer.Argument(help="Topics to read. Default: all topics of the services' events.")
    ] = None,
    start: Annotated[
        Start, typer.Option("--from", help="beginning: at the first record. end: after the last one.")
    ] = Start.END,
    follow: Annotated[
        bool, typer.Option(help="Continues until Ctrl-C. Otherwise stops at the current end of the topics.")
    ] = True,
    tenant: Annotated[UUID | None, typer.Option(parser=parse_id, help="Only events of this tenant.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only this event type: user.created.")] = None,
    personal: Annotated[
        bool,
        typer.Option(
            "--personal",
            help="With --json: shows personal data that is not encrypted. Encrypted personal data is always shown as"
            " empty.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prints events as they arrive, one per line. Joins no consumer group, so it does not affect
    consumers.
    """
    codec = chosen_services(service_names()[0])[0].codec
    if event_type is not None and not codec.knows(event_type):
        raise NotFound(f"this release has no event type {event_type!r}; event types look like user.created")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def matches(record: RecordView) -> bool:
        attributes = record.attributes
        if attributes is None:
            return tenant is None and event_type is None
        return tenant in (None, attributes.tenant_id) and event_type in (None, attributes.event_type)

    async def run() -> None:
        async for record in _records(topics or [], codec.topics, start, follow=follow):
            if matches(record):
                document = as_dict(record, codec, personal=personal)
                typer.echo(to_json(document, indent=None) if as_json else visible(line(record, width), keep="\n"))

    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the normal end
        asyncio.run(run())


def line(record: RecordView, width: int | None) -> str:
    """One record in one line. On a terminal narrower than the line, the ids follow on indented
    lines.
    """
    attributes = record.attributes
    if attributes is None:
        return f"{moment(record.written_at)}  {record.place}  not an event: {record.problem}"
    parts = [
        f"{moment(record.written_at)}  {record.place:<26}  {attributes.event_type}",
        f"aggregate={attributes.aggregate_id} version={attributes.sequence or '-'}",
        f"event={attributes.event_id}",
        f"tenant={attributes.tenant_id} trace={trace_id_of(attributes.cause.traceparent) or '-'}",
    ]
    whole = "  ".join(parts)
    return whole if width is None or len(whole) <= width else LINE_BREAK.join(parts)


async def _records(
    topics: Sequence[str], declared: frozenset[str], start: Start, *, follow: bool
) -> AsyncIterator[RecordView]:
    bootstrap = stack_brokers()
    known = await partitions_of(bootstrap)
    partitions = chosen_from(known, topics or _present(declared, known))
    async with KafkaTopicLogs(bootstrap).opened(partitions) as log:
        ends = await log.end_offsets()
        if start is Start.END:
            log.seek(ends)
        if follow:
            topic_count = len({partition.topic for partition in partitions})
            print_to_stderr(f"following {topic_count} topics from the {start}; Ctrl-C ends it")
        while follow or not await _read_up_to(log, ends):
            for record in await log.read_any(max_records=BATCH, timeout_seconds=POLL_SECONDS):
                yield RecordView.of(record)


def _present(declared: frozenset[str], known: Mapping[str, object]) -> Sequence[str]:
    """Default topics: the declared ones that exist. Internal topics, such as changelogs, must be
    named. Raises NotFound if no declared topic exists.
    """
    if not (present := sorted(declared & known.keys())):
        raise NotFound(f"the services have no topics yet; the stack creates them at start. {start_hint()}")
    return present


async def _read_up_to(log: KafkaTopicLog, ends: Mapping[Partition, int]) -> bool:
    return all([await log.position(partition) >= end for partition, end in ends.items()])
