"""An event's metadata as text: the record's headers, and the same values in `events.metadata`.

CloudEvents 1.0, Kafka protocol binding, binary mode; W3C Trace Context. The names are the same in
topics, dead letters and the event store, so that a lost topic can be published again with equal
ids.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import MalformedHeaders
from waypost.kernel.event import Event
from waypost.kernel.header_forms import (
    CONTENT_TYPE,
    ID,
    SEQUENCE,
    TRACE,
    read_sequence,
    read_source,
    read_time,
    read_trace,
    read_type,
    read_uuid,
    sequence_of,
    source_of,
    traceparent_of,
    tracestate_of,
    type_of,
    utc_of,
    uuids_of,
)
from waypost.kernel.ids import EventId, TenantId

Headers = Sequence[tuple[str, bytes]]
"""A byte of a name that is not UTF-8 is a surrogate escape (PEP 383)."""

CONTRACT = (
    "content-type",
    "ce_specversion",
    ID,
    "ce_source",
    "ce_type",
    "ce_time",
    "ce_subject",
    SEQUENCE,
    "ce_tenantid",
    "ce_correlationid",
    "ce_causationid",
    "ce_actorid",
    *TRACE,
)
CONSTANT_VALUES = {"content-type": CONTENT_TYPE.encode(), "ce_specversion": b"1.0"}
_CONTRACT_COUNT = len(CONTRACT)
T = TypeVar("T")
F = TypeVar("F", bound=Event)


class Attributes(NamedTuple):
    """Metadata of an event, parsed from a record's headers and well-formed."""

    event_id: EventId
    event_type: str
    source: str
    tenant_id: TenantId
    aggregate_id: UUID
    sequence: int | None
    """The aggregate's version; None on a topic without versions."""
    occurred_at: datetime
    cause: Cause

    def around(self, event: F) -> Envelope[F]:
        """An envelope of the event with these attributes."""
        event_id, _, source, tenant_id, aggregate_id, sequence, occurred_at, cause = self
        values = (event, event_id, tenant_id, aggregate_id, sequence or 0, occurred_at, source, cause)
        return tuple.__new__(Envelope, values)  # in half the time of `Envelope(*values)`


def to_metadata(envelope: Envelope[Event]) -> dict[str, str]:
    """Header name → text, in the order of the contract; absent values are left out."""
    cause = envelope.cause
    metadata = {
        "content-type": CONTENT_TYPE,
        "ce_specversion": "1.0",
        ID: str(envelope.event_id),
        "ce_source": envelope.source,
        "ce_type": envelope.event.type,
        "ce_time": envelope.occurred_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "ce_subject": str(envelope.aggregate_id),
        SEQUENCE: str(envelope.aggregate_version or ""),
        "ce_tenantid": str(envelope.tenant_id),
        "ce_correlationid": str(cause.correlation_id),
        "ce_causationid": str(cause.causation_id),
        "ce_actorid": str(cause.actor_id or ""),
        "traceparent": cause.traceparent or "",
        "tracestate": cause.tracestate or "",
    }
    return {name: text for name, text in metadata.items() if text}


def in_order(metadata: Mapping[str, str]) -> dict[str, str]:
    """Stored metadata in the order of the contract, which jsonb does not preserve."""
    return {name: metadata[name] for name in (*CONTRACT, *metadata) if name in metadata}


def to_headers(metadata: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """The headers of a record. A list, because aiokafka requires one."""
    return [(name, text.encode()) for name, text in metadata.items()]


def with_trace(headers: Headers, traceparent: str, tracestate: str | None = None) -> list[tuple[str, bytes]]:
    """The headers with this trace context instead of the old one, so that there is exactly one
    traceparent.
    """
    others = [(name, value) for name, value in headers if name not in TRACE]
    state = [("tracestate", tracestate.encode())] if tracestate else []
    return [*others, ("traceparent", traceparent.encode()), *state]


def header_name(name: str) -> bytes:
    """The name's bytes in the record."""
    return name.encode(errors="surrogateescape")


def from_headers(headers: Headers) -> Attributes:
    """Parses headers. Raises MalformedHeaders for a header of the contract that is missing,
    malformed or repeated; other headers may repeat. A trace context that is not valid is ignored.
    """
    return _read_at_once(headers) or _read_singly(headers)


_IDS = (ID, "ce_tenantid", "ce_subject", "ce_correlationid", "ce_causationid")
REQUIRED = (*CONSTANT_VALUES, "ce_type", "ce_source", "ce_time", *_IDS)
_required = itemgetter(*REQUIRED)
_constants = tuple(CONSTANT_VALUES.values())


def _read_at_once(headers: Headers) -> Attributes | None:
    """The attributes of a record with the headers of the contract and no others, in the forms that
    our producers write; None for other records, and for invalid ones.
    """
    values = dict(headers)
    optional = values.get(SEQUENCE), values.get("ce_actorid"), values.get("traceparent"), values.get("tracestate")
    if not len(headers) == len(values) == _CONTRACT_COUNT - optional.count(None):
        return None
    sequence, actor_id, traceparent, tracestate = optional
    try:
        content_type, version, event_type, source, at, *ids = _required(values)
        if (content_type, version) != _constants:
            return None
        if actor_id is not None:
            ids.append(actor_id)
        event_id, tenant_id, subject, correlation, causation, *actor = uuids_of(ids)
        cause = Cause(
            correlation,
            causation,
            None if traceparent is None else traceparent_of(traceparent),
            None if tracestate is None or traceparent is None else tracestate_of(tracestate),
            actor[0] if actor else None,
        )
        return Attributes(
            EventId(event_id),
            type_of(event_type),
            source_of(source),
            TenantId(tenant_id),
            subject,
            None if sequence is None else sequence_of(sequence),
            utc_of(at),
            cause,
        )
    except (AttributeError, KeyError, TypeError, ValueError):  # a header's value may be null in Kafka
        return None


def _read_singly(headers: Headers) -> Attributes:
    """Reads one header after the other, so that an error names the header."""
    metadata: dict[str, str] = {}
    for name, value in headers:
        if not _is_text(name):
            raise _malformed(repr(header_name(name))[:80], "is not UTF-8 text")
        if name in metadata and _is_ours(name):
            raise _malformed(name, "is repeated")
        try:
            metadata[name] = "" if name in metadata else value.decode()
        except (UnicodeDecodeError, AttributeError) as error:  # a header's value may be null in Kafka
            if _is_ours(name):
                raise _malformed(name, "has a value that is not UTF-8 text") from error
    return from_metadata(metadata)


def from_metadata(metadata: Mapping[str, str]) -> Attributes:
    """Parses stored metadata. Raises MalformedHeaders like `from_headers`."""
    _require(metadata, "content-type", CONTENT_TYPE)
    _require(metadata, "ce_specversion", "1.0")
    traceparent, tracestate = read_trace(metadata.get("traceparent"), metadata.get("tracestate"))
    return Attributes(
        event_id=EventId(_read(metadata, ID, read_uuid)),
        event_type=_read(metadata, "ce_type", read_type),
        source=_read(metadata, "ce_source", read_source),
        tenant_id=TenantId(_read(metadata, "ce_tenantid", read_uuid)),
        aggregate_id=_read(metadata, "ce_subject", read_uuid),
        sequence=_read_optional(metadata, SEQUENCE, read_sequence),
        occurred_at=_read(metadata, "ce_time", read_time),
        cause=Cause(
            correlation_id=_read(metadata, "ce_correlationid", read_uuid),
            causation_id=_read(metadata, "ce_causationid", read_uuid),
            traceparent=traceparent,
            tracestate=tracestate,
            actor_id=_read_optional(metadata, "ce_actorid", read_uuid),
        ),
    )


def _read(metadata: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T:
    text = metadata.get(name)
    if not text:
        raise _malformed(name, "is missing")
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:  # OverflowError: the hour does not exist in UTC
        raise _malformed(name, f"is malformed: {text[:80]!r}") from error


def _read_optional(metadata: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    return _read(metadata, name, parse) if name in metadata else None


def _require(metadata: Mapping[str, str], name: str, expected: str) -> None:
    if (value := metadata.get(name)) != expected:
        raise _malformed(name, "is missing" if value is None else f"is {value[:80]!r}, not {expected!r}")


def _is_ours(name: str) -> bool:
    return name.startswith("ce_") or name == "content-type"


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _malformed(name: str, reason: str) -> MalformedHeaders:
    return MalformedHeaders(f"header {name} {reason}", header=name)
