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

from waypost.cli.events.telling import line
from waypost.cli.output import AsJson, remark, to_json
from waypost.cli.parsing import an_id
from waypost.cli.services import chosen_services, service_names, stack_setting, start_hint
from waypost.kafka.catalog import chosen_from, partitions_of
from waypost.kafka.topic_log import KafkaTopicLog, KafkaTopicLogs
from waypost.kernel.errors import NotFound
from waypost.operations.records import Seen, told
from waypost.ports.subscription import Partition
from waypost.project import variable

BATCH = 500
POLL_SECONDS = 0.5


class Start(StrEnum):
    BEGINNING = "beginning"
    END = "end"


def tail(
    topics: Annotated[list[str] | None, typer.Argument(help="All topics of the services' events unless given.")] = None,
    start: Annotated[Start, typer.Option("--from", help="Every record there is, or those to come.")] = Start.END,
    follow: Annotated[bool, typer.Option(help="Goes on until Ctrl-C; otherwise ends with what is there now.")] = True,
    tenant: Annotated[UUID | None, typer.Option(parser=an_id, help="Only events of this tenant.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only events of this type: user.created")] = None,
    personal: Annotated[bool, typer.Option("--personal", help="With --json: shows what identifies a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows events as they come in, a line each. Joins no consumer group: nothing is taken from
    anybody.
    """
    codec = chosen_services(service_names()[0])[0].codec
    if event_type is not None and not codec.knows(event_type):
        raise NotFound(f"this release knows no event type {event_type!r}; types look like user.created")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def wanted(seen: Seen) -> bool:
        about = seen.attributes
        if about is None:
            return tenant is None and event_type is None
        return tenant in (None, about.tenant_id) and event_type in (None, about.event_type)

    async def run() -> None:
        async for seen in _seen(topics or [], codec.topics, start, follow=follow):
            if wanted(seen):
                typer.echo(to_json(told(seen, codec, personal=personal), indent=None) if as_json else line(seen, width))

    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(run())


async def _seen(topics: Sequence[str], declared: frozenset[str], start: Start, *, follow: bool) -> AsyncIterator[Seen]:
    bootstrap = stack_setting(variable("KAFKA_BOOTSTRAP"))
    known = await partitions_of(bootstrap)
    partitions = chosen_from(known, topics or _present(declared, known))
    async with KafkaTopicLogs(bootstrap).opened(partitions) as log:
        ends = await log.end_offsets()
        if start is Start.END:
            log.seek(ends)
        if follow:
            of = f"{len({each.topic for each in partitions})} topics"
            remark(f"following {of} from the {start}; Ctrl-C ends it")
        while follow or not await _read_up_to(log, ends):
            for record in await log.read_any(max_records=BATCH, timeout_seconds=POLL_SECONDS):
                yield Seen.of(record)


def _present(declared: frozenset[str], known: Mapping[str, object]) -> Sequence[str]:
    """What a service's parts keep on the broker for themselves is shown when it is named."""
    if not (present := sorted(declared & known.keys())):
        raise NotFound(f"the services have no topics yet; the start of the stack creates them. {start_hint()}")
    return present


async def _read_up_to(log: KafkaTopicLog, ends: Mapping[Partition, int]) -> bool:
    return all([await log.position(each) >= end for each, end in ends.items()])
