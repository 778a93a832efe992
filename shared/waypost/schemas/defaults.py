"""Conversion of default values.

Avro writes a default as JSON of the plain type: a date is a number of days, bytes are a string of
code points below 256. fastavro returns that JSON without conversion. `default_value` converts it,
or raises an error with the reason. The result equals what `ValueCodec.encode` returns for the
default of the generated class.
"""

import math
import struct
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from waypost.schemas.logical import decimal_bytes, decimal_of, time_of, timestamp_of
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    DecimalType,
    Definition,
    EnumType,
    FixedType,
    MapType,
    NullableType,
    RecordType,
    Scalar,
    nested,
)

INT = range(-(2**31), 2**31)
LONG = range(-(2**63), 2**63)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def default_value(type_: AvroType, written: Any) -> Any:
    """Converts an Avro JSON default (`written`) to the value that fastavro inserts for a missing
    field. Raises ValueError with the reason.
    """
    match type_:
        case NullableType():
            return _require(written, written is None, "null, the first type of the union")
        case Scalar():
            return _scalar(type_.kind, written)
        case DecimalType():
            limits = {"precision": type_.precision, "scale": type_.scale}
            return decimal_bytes(decimal_of(_bytes(written), **limits), **limits)
        case FixedType():
            data = _bytes(written)
            return _require(data, len(data) == type_.size, f"{type_.size} bytes")
        case EnumType():
            return _require(written, written in type_.symbols, f"one of {', '.join(type_.symbols)}")
        case ArrayType():
            _require(written, isinstance(written, list), "a JSON array")
            return [default_value(type_.items, item) for item in written]
        case MapType():
            _require(written, isinstance(written, dict), "a JSON object")
            return {_text(key): default_value(type_.values, item) for key, item in written.items()}
        case RecordType():
            return _record(type_, written)
    raise ValueError(f"events do not support {type_.kind}")


def fill_defaults(parsed: Any, root: RecordType) -> Any:
    """Replaces the defaults in a schema parsed by fastavro by converted ones. Returns the
    schema.
    """
    converted = {
        (_full_name(record), field.name): default_value(field.type, field.definition["default"])
        for _, record in nested(root, "")
        if isinstance(record, RecordType)
        for field in record.fields
        if field.has_default
    }
    _fill(parsed, converted)
    return parsed


def fits_float(value: float) -> bool:
    """True if 32 bits represent the number exactly."""
    try:
        return math.isnan(value) or struct.unpack("<f", struct.pack("<f", value))[0] == value
    except OverflowError:
        return False


def _record(type_: RecordType, written: Any) -> Definition:
    _require(written, isinstance(written, dict), "a JSON object")
    known = {field.name: field for field in type_.fields}
    if unknown := sorted(set(written) - set(known)):
        raise ValueError(f"the record has no field {unknown[0]}")
    values: Definition = {}
    for name, item in known.items():
        if name not in written and not item.has_default:
            raise ValueError(f"it lacks {name}")
        values[name] = default_value(item.type, written.get(name, item.definition.get("default")))
    return values


def _full_name(record: RecordType) -> str:
    return str(record.definition["name"]).rpartition(".")[2]


def _fill(node: Any, converted: Mapping[tuple[str, str], Any]) -> None:
    if isinstance(node, list):
        for item in node:
            _fill(item, converted)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            name = str(node["name"]).rpartition(".")[2]
            for field in node["fields"]:
                if (name, field["name"]) in converted:
                    field["default"] = converted[name, field["name"]]
                _fill(field["type"], converted)
        else:
            for key in ("type", "items", "values"):
                _fill(node.get(key), converted)


def _text(written: Any) -> str:
    _require(written, isinstance(written, str), "a string")
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it is not valid Unicode text") from error
    return str(written)


def _bytes(written: Any) -> bytes:
    try:
        return _text(written).encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError("bytes are a string of code points up to 255") from error


def _number(written: Any, allowed: range) -> int:
    _require(
        written, type(written) is int and written in allowed, f"a whole number of {len(bin(allowed.stop)) - 2} bits"
    )
    return int(written)


def _double(written: Any) -> float:
    _require(written, type(written) in (int, float) and math.isfinite(written), "a finite number")
    return float(written)


def _float(written: Any) -> float:
    value = _double(written)
    return float(_require(value, fits_float(value), "a number that 32 bits represent exactly; use double"))


def _uuid(written: Any) -> str:
    value = str(UUID(_text(written)))
    return str(_require(value, value == written.lower(), "a UUID with four hyphens"))


def _boolean(written: Any) -> bool:
    return bool(_require(written, isinstance(written, bool), "true or false"))


def _time(kind: str, value_of: Callable[[int, str], Any]) -> Callable[[Any], int]:
    def convert(written: Any) -> int:
        value_of(_number(written, LONG), kind)
        return int(written)

    return convert


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "string": _text,
    "bytes": _bytes,
    "boolean": _boolean,
    "int": lambda written: _number(written, INT),
    "long": lambda written: _number(written, LONG),
    "float": _float,
    "double": _double,
    "uuid": _uuid,
    "date": lambda written: date.fromordinal(_number(written, INT) + _EPOCH_DAY),
    "time-millis": _time("time-millis", time_of),
    "time-micros": _time("time-micros", time_of),
    "timestamp-millis": _time("timestamp-millis", timestamp_of),
    "timestamp-micros": _time("timestamp-micros", timestamp_of),
}


def _scalar(kind: str, written: Any) -> Any:
    try:
        return _CONVERTERS[kind](written)
    except OverflowError as error:
        raise ValueError(f"it is outside the range of a {kind} in Python") from error


def _require(value: Any, holds: bool, expected: str) -> Any:
    if not holds:
        raise ValueError(f"it must be {expected}")
    return value
