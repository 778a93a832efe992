"""JSON Schema of the record headers. `waypost.kernel.cloudevents` writes and reads them."""

from collections.abc import Mapping
from typing import Any

from waypost.kernel.header_forms import CONTENT_TYPE, SEQUENCE_FORM, SOURCE_FORM, TRACEPARENT_FORM

_UUID = {"type": "string", "format": "uuid"}
_OPTIONAL = {"ce_sequence", "ce_actorid", "traceparent", "tracestate"}

HEADERS: Mapping[str, Mapping[str, Any]] = {
    "content-type": {"type": "string", "const": CONTENT_TYPE, "description": "Encoding of the value."},
    "ce_specversion": {"type": "string", "const": "1.0", "description": "CloudEvents version."},
    "ce_id": {**_UUID, "description": "Id of the event, a UUIDv7. Equal in each delivery of the event."},
    "ce_source": {
        "type": "string",
        "pattern": f"^{SOURCE_FORM.pattern}$",
        "description": "The service that published the event.",
    },
    "ce_type": {"type": "string", "description": "Event type, the name of the message."},
    "ce_time": {"type": "string", "format": "date-time", "description": "Time of the event, UTC."},
    "ce_subject": {**_UUID, "description": "Id of the aggregate, which is also the record key."},
    "ce_sequence": {
        "type": "string",
        "pattern": f"^{SEQUENCE_FORM.pattern}$",
        "description": "Version of the aggregate: 1, 2, 3 … without gaps. Absent in topics of totals.",
    },
    "ce_tenantid": {**_UUID, "description": "Tenant of the event."},
    "ce_correlationid": {**_UUID, "description": "Id of the first request in the chain of causes."},
    "ce_causationid": {**_UUID, "description": "Id of the request, event or job that caused the event."},
    "ce_actorid": {**_UUID, "description": "The user who sent the request, if any."},
    "traceparent": {
        "type": "string",
        "pattern": f"^{TRACEPARENT_FORM.pattern}$",
        "description": "W3C Trace Context: the span that published the event. Absent if tracing is disabled.",
    },
    "tracestate": {"type": "string", "description": "W3C Trace Context: data of tracing systems."},
}


def headers_schema() -> dict[str, Any]:
    """CloudEvents 1.0, Kafka protocol binding, binary mode. A record may have other headers."""
    return {
        "type": "object",
        "required": [name for name in HEADERS if name not in _OPTIONAL],
        "properties": {name: dict(schema) for name, schema in HEADERS.items()},
    }
