"""One record of a topic, in the form that operators see."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from waypost.kernel.cloudevents import Attributes, from_headers, header_name
from waypost.kernel.envelope import Record
from waypost.kernel.errors import MalformedHeaders, UndecodableRecord
from waypost.kernel.event import PERSONAL_CIPHERTEXT, Event
from waypost.ports.codec import EventCodec
from waypost.telemetry.names import REDACTED
from waypost.telemetry.tracing import trace_id_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A record with its parsed headers. If they are not the headers of an event, `attributes` is
    None and `problem` says why.
    """

    record: Record
    attributes: Attributes | None
    problem: str | None = None

    @classmethod
    def of(cls, record: Record) -> "RecordView":
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


def as_dict(view: RecordView, codec: EventCodec, *, personal: bool) -> dict[str, Any]:
    """The record as a JSON-like mapping: position, event attributes, headers and the decoded body.
    Personal data is redacted unless `personal`.
    """
    record, attributes = view.record, view.attributes
    place = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "written_at": view.written_at,
    }
    headers = {_readable(header_name(name)): _readable(value or b"") for name, value in record.headers}
    if attributes is None:
        return {**place, "problem": view.problem, "headers": headers, **_bytes(record.value, personal=personal)}
    return {
        **place,
        "event_id": attributes.event_id,
        "type": attributes.event_type,
        "tenant_id": attributes.tenant_id,
        "aggregate_id": attributes.aggregate_id,
        "version": attributes.sequence,
        "trace_id": trace_id_of(attributes.cause.traceparent),
        "headers": headers,
        **_body(attributes.event_type, record.value, codec, personal=personal),
    }


def body_of(event: Event, *, personal: bool) -> dict[str, Any]:
    """The event's fields. Personal data is redacted unless `personal`, because operators paste
    output into tickets. Encrypted personal data is empty: this command has no key.
    """
    hidden = frozenset[str]() if personal else event.personal
    names = [field.name for field in fields(event)]  # type: ignore[arg-type]  # every event class is a dataclass, its base is not
    return {name: REDACTED if name in hidden else getattr(event, name) for name in names if name != PERSONAL_CIPHERTEXT}


def _body(event_type: str, value: bytes | None, codec: EventCodec, *, personal: bool) -> dict[str, Any]:
    try:
        return {"data": body_of(codec.decode(event_type, value or b""), personal=personal)}
    except UndecodableRecord as error:
        return {"problem": str(error), **_bytes(value, personal=personal)}


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _bytes(value: bytes | None, *, personal: bool) -> dict[str, Any]:
    """Undecodable bytes may contain personal data."""
    return {"value": value if personal else REDACTED}
