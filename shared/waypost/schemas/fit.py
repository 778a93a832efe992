"""Does an event fit its schema? Avro's writer would coerce in silence: 1.5 becomes 1, True becomes 1, a naive time becomes local time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from waypost.kernel.errors import Permanent
from waypost.kernel.event import Event
from waypost.schemas.sources import Field, SchemaSource

_TYPES: Mapping[str, type] = {
    "string": str,
    "bytes": bytes,
    "boolean": bool,
    "long": int,
    "uuid": UUID,
    "timestamp-micros": datetime,
}
_LONG = range(-(2**63), 2**63)


class Fitting:
    """Reads an event's fields into what the Avro writer takes, one type comparison each; the reasons are looked for only when one fails."""

    def __init__(self, source: SchemaSource) -> None:
        self._event_type = source.event_type
        self._fields = tuple((field.name, _TYPES[field.kind], field) for field in source.fields)

    def values(self, event: Event) -> dict[str, Any]:
        """Field → value. Raises Permanent naming the field that does not fit."""
        values: dict[str, Any] = {}
        for name, expected, field in self._fields:
            value = getattr(event, name)
            if (type(value) is not expected or expected is datetime) and (reason := _misfit(field, value)):
                raise self._refusal(field.name, reason)
            values[name] = value
        return values

    def diagnose(self, values: Mapping[str, Any], error: Exception) -> Permanent:
        """What to raise where the writer refused values of the right types: too large for the field, or no Unicode text."""
        for name, value in values.items():
            if reason := _unwritable(value):
                return self._refusal(name, reason)
        return Permanent(f"{self._event_type} does not fit its schema: {error}", event_type=self._event_type)

    def _refusal(self, name: str, reason: str) -> Permanent:
        # The value itself stays out of the message: it may be a person's.
        return Permanent(f"{self._event_type}: field {name!r} {reason}", event_type=self._event_type, field=name)


def _misfit(field: Field, value: object) -> str | None:
    expected = _TYPES[field.kind]
    if value is None and field.nullable:
        return None
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        return f"is a {type(value).__name__}, not a {expected.__name__}"
    if isinstance(value, datetime) and value.utcoffset() is None:
        return "is a time without a zone"
    return None


def _unwritable(value: object) -> str | None:
    if isinstance(value, int) and value not in _LONG:
        return "does not fit 64 bits"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "is no Unicode text"
    return None
