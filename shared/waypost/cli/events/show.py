"""`waypost events show EVENT_ID`"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.events.found import FoundEvent, find_event
from waypost.cli.output import AsJson, console, end_with, lines, moment, to_json
from waypost.cli.parsing import an_id
from waypost.cli.services import setting_of
from waypost.kafka.record_search import find_record
from waypost.kernel.cloudevents import in_order
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.kernel.event import Event
from waypost.operations.records import body_of
from waypost.ports.topic_log import CLOCK_STEP
from waypost.project import variable
from waypost.telemetry.tracing import trace_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    found: FoundEvent
    event: Event
    record: Record | None
    unasked: Sequence[Transient]
    """Why the topic could not be asked."""


def show(
    event_id: Annotated[UUID, typer.Argument(parser=an_id, help="`ce_id` of its record.")],
    personal: Annotated[bool, typer.Option("--personal", help="Shows what identifies a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One event, decoded: what it says, what caused it, and where it lies in the store, the outbox
    and its topic.
    """
    whereabouts = asyncio.run(whereabouts_of(event_id))
    told = _told(whereabouts, personal=personal)
    if as_json:
        console.print(to_json(told), soft_wrap=True)
    else:
        _show(told)
    end_with(whereabouts.unasked)


async def whereabouts_of(event_id: UUID) -> Whereabouts:
    """Raises NotFound, and UndecodableRecord for bytes that no schema of this release fits."""
    found = await find_event(event_id)
    kept = found.kept
    event = found.service.codec.decode(kept.type, kept.payload)
    record, unasked = None, list[Transient]()
    try:
        record = await find_record(
            setting_of(found.service.name, variable("KAFKA_BOOTSTRAP")),
            event.topic,
            str(kept.aggregate_id).encode(),
            event_id,
            since=kept.occurred_at - CLOCK_STEP,
        )
    except Transient as error:
        unasked.append(Transient(f"whether it lies on {event.topic} is not known: {error}"))
    return Whereabouts(found=found, event=event, record=record, unasked=unasked)


def _told(whereabouts: Whereabouts, *, personal: bool) -> dict[str, Any]:
    kept, record = whereabouts.found.kept, whereabouts.record
    pending = kept.pending
    return {
        "event_id": kept.metadata["ce_id"],
        "type": kept.type,
        "tenant_id": kept.tenant_id,
        "aggregate_type": kept.aggregate_type,
        "aggregate_id": kept.aggregate_id,
        "version": kept.version,
        "occurred_at": kept.occurred_at,
        "trace_id": trace_id_of(kept.metadata.get("traceparent")),
        "store": {"service": whereabouts.found.service.name, "position": kept.position, "schema_id": kept.schema_id},
        "outbox": pending
        and {
            "shard": pending.shard,
            "id": pending.id,
            "pending_since": pending.created_at,
            "set_aside_because": pending.held_back,
        },
        "topic": record and {"topic": record.topic, "partition": record.partition, "offset": record.offset},
        "headers": in_order(kept.metadata),
        "data": body_of(whereabouts.event, personal=personal),
    }


def _show(told: dict[str, Any]) -> None:
    store, trace_id = told["store"], told["trace_id"]
    lines(
        f"{told['type']}  {told['event_id']}",
        {
            "aggregate": f"{told['aggregate_type']} {told['aggregate_id']}, version {told['version']}",
            "tenant": told["tenant_id"],
            "occurred": moment(told["occurred_at"]),
            "trace": f"{trace_id}   waypost trace {told['event_id']}" if trace_id else "none",
            "store": f"{store['service']}, position {store['position']}, schema {store['schema_id']}",
            "outbox": _outbox(told),
            "topic": "{topic}/{partition}, offset {offset}".format(**told["topic"]) if told["topic"] else "not found",
        },
    )
    lines("headers", told["headers"])
    lines("data", told["data"])


def _outbox(told: dict[str, Any]) -> str:
    pending = told["outbox"]
    if pending is None:
        return "published" if told["topic"] else "no row waits"
    why = f"; its key is set aside: {pending['set_aside_because']}" if pending["set_aside_because"] else ""
    return f"pending since {moment(pending['pending_since'])} (shard {pending['shard']}, id {pending['id']}){why}"
