"""`waypost events show EVENT_ID`"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.events.stored import FoundEvent, find_event
from waypost.cli.options import ShowPersonal
from waypost.cli.output import AsJson, lines, moment, present
from waypost.cli.parsers import parse_id
from waypost.cli.services import brokers_of, service_named
from waypost.kafka.record_search import find_record
from waypost.kernel.cloudevents import in_order
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.kernel.event import Event
from waypost.operations.records import body_of
from waypost.ports.topic_log import CLOCK_STEP
from waypost.telemetry.tracing import trace_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLocation:
    found: FoundEvent
    event: Event
    record: Record | None
    problems: Sequence[Transient]
    """Errors of the topic search."""


def show(
    event_id: Annotated[UUID, typer.Argument(parser=parse_id, help="Id of the event: header `ce_id` of its record.")],
    personal: ShowPersonal = False,
    as_json: AsJson = False,
) -> None:
    """Shows one decoded event: its data, its cause, and its position in the event store, the outbox
    and the topic.
    """
    location = asyncio.run(locate(event_id))
    facts = _as_dict(location, personal=personal)
    present(facts, lambda: _show(facts), as_json=as_json, problems=location.problems)


async def locate(event_id: UUID) -> EventLocation:
    """The decoded event and its record. Raises NotFound, and UndecodableRecord for a payload that
    no schema of this release reads.
    """
    found = await find_event(event_id)
    row = found.row
    event = service_named(found.service).codec.decode(row.type, row.payload)
    record, problems = None, list[Transient]()
    try:
        record = await find_record(
            brokers_of(found.service),
            event.topic,
            str(row.aggregate_id).encode(),
            event_id,
            since=row.occurred_at - CLOCK_STEP,
        )
    except Transient as error:
        problems.append(Transient(f"the topic {event.topic} could not be searched: {error}"))
    return EventLocation(found=found, event=event, record=record, problems=problems)


def _as_dict(location: EventLocation, *, personal: bool) -> dict[str, Any]:
    row, record = location.found.row, location.record
    pending = row.pending
    return {
        "event_id": row.metadata["ce_id"],
        "type": row.type,
        "tenant_id": row.tenant_id,
        "aggregate_type": row.aggregate_type,
        "aggregate_id": row.aggregate_id,
        "version": row.version,
        "occurred_at": row.occurred_at,
        "trace_id": trace_id_of(row.metadata.get("traceparent")),
        "store": {"service": location.found.service, "position": row.position, "schema_id": row.schema_id},
        "outbox": pending
        and {
            "shard": pending.shard,
            "id": pending.id,
            "pending_since": pending.created_at,
            "quarantined_because": pending.quarantine_reason,
        },
        "topic": record and {"topic": record.topic, "partition": record.partition, "offset": record.offset},
        "headers": in_order(row.metadata),
        "data": body_of(location.event, personal=personal),
    }


def _show(facts: dict[str, Any]) -> None:
    store, trace_id = facts["store"], facts["trace_id"]
    lines(
        f"{facts['type']}  {facts['event_id']}",
        {
            "aggregate": f"{facts['aggregate_type']} {facts['aggregate_id']}, version {facts['version']}",
            "tenant": facts["tenant_id"],
            "occurred": moment(facts["occurred_at"]),
            "trace": f"{trace_id}   waypost trace {facts['event_id']}" if trace_id else "none",
            "store": f"{store['service']}, position {store['position']}, schema {store['schema_id']}",
            "outbox": _outbox(facts),
            "topic": "{topic}/{partition}, offset {offset}".format(**facts["topic"]) if facts["topic"] else "not found",
        },
    )
    lines("headers", facts["headers"])
    lines("data", facts["data"])


def _outbox(facts: dict[str, Any]) -> str:
    pending = facts["outbox"]
    if pending is None:
        return "published" if facts["topic"] else "no pending row"
    why = f"; its key is quarantined: {pending['quarantined_because']}" if pending["quarantined_because"] else ""
    return f"pending since {moment(pending['pending_since'])} (shard {pending['shard']}, id {pending['id']}){why}"
