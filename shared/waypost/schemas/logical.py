"""Conversion of decimals, times and UUIDs between Python and Avro, without silent rounding.

fastavro rounds a decimal that exceeds its precision, accepts one that exceeds it by a positive
exponent, and truncates times to milliseconds. These functions raise errors instead. It converts
UUIDs and timestamps correctly, but spends most of the time of a decode on them. The schemas passed
to fastavro therefore do not contain these logical types.
"""

from datetime import UTC, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from waypost.schemas.types import Definition

OWN = frozenset({"decimal", "time-millis", "time-micros", "timestamp-millis", "timestamp-micros", "uuid"})
"""Logical types that this module converts. fastavro receives the plain type."""
_DAY_MICROS = 86_400_000_000
_EXACT = Context(prec=10_000)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMP_UNITS = {"timestamp-millis": timedelta(milliseconds=1), "timestamp-micros": timedelta(microseconds=1)}


def wire_definition(definition: Any) -> Any:
    """The schema for fastavro, without the logical types in `OWN`."""
    if isinstance(definition, list):
        return [wire_definition(item) for item in definition]
    if not isinstance(definition, dict):
        return definition
    plain: Definition = {
        key: wire_definition(value) if key in ("type", "fields", "items", "values") else value
        for key, value in definition.items()
    }
    if plain.get("logicalType") in OWN:
        del plain["logicalType"]
    return plain


def decimal_bytes(value: Decimal, *, precision: int, scale: int) -> bytes:
    """Two's complement, big-endian, of minimal length. Raises ValueError if digits would be
    lost.
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("is not a finite number")
    if not value:
        return b"\0"
    if value.adjusted() + 1 + scale > precision:
        raise ValueError(f"has more than {precision - scale} digits before the point")
    shift = exponent + scale
    # Refused before the power is computed: ten to the power of a large exponent takes minutes.
    if -shift >= len(digits):
        raise ValueError(f"has more than {scale} digits after the point")
    unscaled = int("".join(map(str, digits)))
    if shift < 0:
        unscaled, lost = divmod(unscaled, 10**-shift)
        if lost:
            raise ValueError(f"has more than {scale} digits after the point")
    else:
        unscaled *= 10**shift
    number: int = -unscaled if sign else unscaled
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def decimal_of(data: bytes, *, precision: int, scale: int) -> Decimal:
    """The decimal. Raises ValueError for a number with more digits than the precision."""
    unscaled = int.from_bytes(data, "big", signed=True)
    if abs(unscaled) >= 10**precision:
        raise ValueError(f"a decimal has more than {precision} digits")
    return Decimal(unscaled).scaleb(-scale, _EXACT)


def time_number(value: time, kind: str) -> int:
    """Milliseconds or microseconds since midnight. Raises ValueError if precision would be lost."""
    if value.tzinfo is not None:
        raise ValueError("is a time with a time zone; Avro stores only the time of day")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return _whole_millis(seconds, value.microsecond) if kind == "time-millis" else seconds * 10**6 + value.microsecond


def time_of(number: int, kind: str) -> time:
    """The time of day. Raises ValueError for a number outside a day."""
    micros = number * 1000 if kind == "time-millis" else number
    if not 0 <= micros < _DAY_MICROS:
        raise ValueError(f"{number} is not a valid {kind}: it is outside a day")
    seconds, rest = divmod(micros, 10**6)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest)


def timestamp_number(value: datetime, kind: str) -> int:
    """Milliseconds or microseconds since 1970. Raises ValueError if precision would be lost."""
    micros = (value - EPOCH) // TIMESTAMP_UNITS["timestamp-micros"]
    return _whole_millis(0, micros) if kind == "timestamp-millis" else micros


def timestamp_of(number: int, kind: str) -> datetime:
    """The time in UTC. Raises OverflowError for a year that Python does not support."""
    return EPOCH + number * TIMESTAMP_UNITS[kind]


def require_whole_millis(microsecond: int) -> None:
    """Raises ValueError for a fraction that a field in milliseconds would lose."""
    if microsecond % 1000:
        raise ValueError("has microseconds, but the field stores milliseconds; round the value, or use micros")


def _whole_millis(seconds: int, microsecond: int) -> int:
    require_whole_millis(microsecond)
    return seconds * 1000 + microsecond // 1000
