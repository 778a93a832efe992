"""What the headers of a record say, as JSON Schema; `waypost.kernel.cloudevents` writes and reads
them.
"""

from collections.abc import Mapping
from typing import Any

from waypost.kernel.cloudevents import CONTENT_TYPE, SEQUENCE_FORM, SOURCE_FORM, TRACEPARENT_FORM

_UUID = {"type": "string", "format": "uuid"}
_OPTIONAL = {"ce_sequence", "ce_actorid", "traceparent", "tracestate"}

HEADERS: Mapping[str, Mapping[str, Any]] = {
    "content-type": {"type": "string", "const": CONTENT_TYPE, "description": "What the value is."},
    "ce_specversion": {"type": "string", "const": "1.0", "description": "Version of CloudEvents."},
    "ce_id": {**_UUID, "description": "The event's id, a UUIDv7; the same each time the event is delivered."},
    "ce_source": {
        "type": "string",
        "pattern": f"^{SOURCE_FORM.pattern}$",
        "description": "The service that published it.",
    },
    "ce_type": {"type": "string", "description": "The event's type, which names the message."},
    "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, UTC."},
    "ce_subject": {**_UUID, "description": "The aggregate's id; also the record's key."},
    "ce_sequence": {
        "type": "string",
        "pattern": f"^{SEQUENCE_FORM.pattern}$",
        "description": "The aggregate's version: 1, 2, 3 … without gaps. Missing where the topic holds totals.",
    },
    "ce_tenantid": {**_UUID, "description": "The tenant that it is a fact of."},
    "ce_correlationid": {**_UUID, "description": "The request that everything began with."},
    "ce_causationid": {**_UUID, "description": "The request, event or job that brought it about."},
    "ce_actorid": {**_UUID, "description": "The user who asked for it, where there was one."},
    "traceparent": {
        "type": "string",
        "pattern": f"^{TRACEPARENT_FORM.pattern}$",
        "description": "W3C Trace Context: the span that published it. Missing where tracing is off.",
    },
    "tracestate": {"type": "string", "description": "W3C Trace Context: what tracing systems add."},
}


def headers_schema() -> dict[str, Any]:
    """CloudEvents 1.0, Kafka protocol binding, binary mode. Other headers may be there."""
    return {
        "type": "object",
        "required": [name for name in HEADERS if name not in _OPTIONAL],
        "properties": {name: dict(schema) for name, schema in HEADERS.items()},
    }
