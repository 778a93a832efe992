"""Conversion and checks of scalar values between Python and the Avro library."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from waypost.kernel.uuid_text import uuid_of
from waypost.schemas import wire
from waypost.schemas.defaults import INT, LONG, fits_float
from waypost.schemas.logical import TIMESTAMP_UNITS, time_number, time_of, timestamp_number, timestamp_of
from waypost.schemas.wire import Read, read_long, read_string

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any] | None
"""None if the library already returns the Python value."""


class Misfit(ValueError):
    """A value that does not fit its field. The path names the field: `lines[2].price`. The message
    omits the value, which may be personal data.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason, self.path = reason, path
        super().__init__(f"{path} {reason}")

    def under(self, step: str) -> "Misfit":
        return Misfit(self.reason, step + self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCodec:
    """Encoder and decoder of one type."""

    encode: Encode
    """Checks and converts a value. Raises Misfit."""
    read: Read
    """Reads a value from an event's bytes, converted as by `decode`."""
    decode: Decode = None
    """Converts a value. May raise ValueError, because bytes of another producer may contain an
    invalid value.
    """
    plain: type | None = None
    """A value of exactly this Python type needs no `encode`: the writer itself refuses values that
    are too large.
    """


def require(value: Any, expected: type) -> Any:
    """Returns the value. Raises Misfit if it has another type."""
    if not isinstance(value, expected):
        hint = ": an array is a tuple, pass tuple(...)" if expected is tuple else ""
        raise Misfit(f"is a {type(value).__name__}, not a {expected.__name__}{hint}")
    return value


def converted(convert: Callable[[], Any]) -> Any:
    """Returns the result of `convert`. Turns a ValueError into Misfit."""
    try:
        return convert()
    except Misfit:
        raise
    except ValueError as error:
        raise Misfit(str(error)) from error


def string(value: Any) -> str:
    """The value as a plain `str`. Raises Misfit."""
    try:
        require(value, str).encode()
    except UnicodeEncodeError as error:
        raise Misfit("is not valid Unicode text") from error
    return str.__str__(value)


def _whole(value: Any, allowed: range, bits: int) -> int:
    if isinstance(value, bool) or require(value, int) not in allowed:
        raise Misfit("is a bool, not a int" if isinstance(value, bool) else f"does not fit {bits} bits")
    return int(value)


def _single(value: Any) -> float:
    if not fits_float(require(value, float)):
        raise Misfit("does not fit 32 bits exactly; make the field a double")
    return float(value)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise Misfit("is a datetime, not a date")
    day: date = require(value, date)
    return day


def _uuid(value: Any) -> str:
    return str(require(value, UUID))


def _timestamp(kind: str) -> ValueCodec:
    def encode(value: Any) -> int:
        if require(value, datetime).utcoffset() is None:
            raise Misfit("is a time without a time zone")
        number: int = converted(lambda: timestamp_number(value, kind))
        return number

    return ValueCodec(
        encode=encode, decode=lambda number: timestamp_of(number, kind), read=wire.timestamp(TIMESTAMP_UNITS[kind])
    )


def _time(kind: str) -> ValueCodec:
    def decode(number: int) -> time:
        return time_of(number, kind)

    return ValueCodec(
        encode=lambda value: converted(lambda: time_number(require(value, time), kind)),
        decode=decode,
        read=wire.converted(read_long, decode),
    )


SCALAR_CODECS: Mapping[str, ValueCodec] = {
    "string": ValueCodec(encode=string, read=read_string, plain=str),
    "bytes": ValueCodec(encode=lambda value: require(value, bytes), read=wire.read_bytes, plain=bytes),
    "boolean": ValueCodec(encode=lambda value: require(value, bool), read=wire.read_boolean, plain=bool),
    "int": ValueCodec(encode=lambda value: _whole(value, INT, 32), read=read_long),
    "long": ValueCodec(encode=lambda value: _whole(value, LONG, 64), read=read_long, plain=int),
    "float": ValueCodec(encode=_single, read=wire.read_float),
    "double": ValueCodec(encode=lambda value: require(value, float), read=wire.read_double, plain=float),
    "uuid": ValueCodec(encode=_uuid, read=wire.read_uuid, decode=uuid_of),
    "date": ValueCodec(encode=_day, read=wire.read_date),
    "time-millis": _time("time-millis"),
    "time-micros": _time("time-micros"),
    "timestamp-millis": _timestamp("timestamp-millis"),
    "timestamp-micros": _timestamp("timestamp-micros"),
}
