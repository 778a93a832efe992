"""One record of a topic, as an operator is shown it."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from waypost.kernel.cloudevents import Attributes, from_headers, header_name
from waypost.kernel.envelope import Record
from waypost.kernel.errors import MalformedHeaders, UndecodableRecord
from waypost.kernel.event import Event
from waypost.ports.codec import EventCodec
from waypost.telemetry.names import REDACTED
from waypost.telemetry.tracing import trace_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A record, and what its headers say; `problem` where they say too little."""

    record: Record
    attributes: Attributes | None
    problem: str | None = None

    @classmethod
    def of(cls, record: Record) -> "Seen":
        try:
            return cls(record=record, attributes=from_headers(record.headers))
        except MalformedHeaders as error:
            return cls(record=record, attributes=None, problem=str(error))

    @property
    def place(self) -> str:
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"

    @property
    def written_at(self) -> datetime:
        return datetime.fromtimestamp(self.record.timestamp_ms / 1000, UTC)


def told(seen: Seen, codec: EventCodec, *, personal: bool) -> dict[str, Any]:
    """Where it lies, with headers and the decoded body."""
    record, about = seen.record, seen.attributes
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "written_at": seen.written_at,
    }
    headers = {_readable(header_name(name)): _readable(value or b"") for name, value in record.headers}
    if about is None:
        return {**place, "problem": seen.problem, "headers": headers, **_bytes(record.value, personal=personal)}
    return {
        **place,
        "event_id": about.event_id,
        "type": about.event_type,
        "tenant_id": about.tenant_id,
        "aggregate_id": about.aggregate_id,
        "version": about.sequence,
        "trace_id": trace_id_of(about.cause.traceparent),
        "headers": headers,
        **_body(about.event_type, record.value, codec, personal=personal),
    }


def body_of(event: Event, *, personal: bool) -> dict[str, Any]:
    """The event's fields. What identifies a person stays hidden unless it was asked for: output is
    pasted into tickets.
    """
    hidden = frozenset[str]() if personal else event.personal
    names = [each.name for each in fields(event)]  # type: ignore[arg-type]  # every event is a dataclass, its base is not
    return {name: REDACTED if name in hidden else getattr(event, name) for name in names}


def _body(event_type: str, value: bytes | None, codec: EventCodec, *, personal: bool) -> dict[str, Any]:
    try:
        return {"data": body_of(codec.decode(event_type, value or b""), personal=personal)}
    except UndecodableRecord as error:
        return {"problem": str(error), **_bytes(value, personal=personal)}


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _bytes(value: bytes | None, *, personal: bool) -> dict[str, Any]:
    """Nobody knows what is in bytes that do not decode."""
    return {"value": value if personal else REDACTED}
