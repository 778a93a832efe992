"""Hypothesis strategies: events made from schemas, and schemas of any shape."""

from datetime import UTC
from decimal import MAX_PREC, Context, Decimal
from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from schemas.catalogue import EVENTS
from tests.unit.schemas.rich import decimal
from waypost.kernel.event import Event
from waypost.kernel.frozen_map import FrozenMap
from waypost.project import project
from waypost.schemas.sources import newest, read_sources
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    DecimalType,
    EnumType,
    Field,
    FixedType,
    MapType,
    NullableType,
    RecordType,
)

_EXACT = Context(prec=MAX_PREC)
"""The default context rounds to 28 digits, and a decimal may have 40 here."""

_MILLIS = st.integers(0, 999).map(lambda millis: millis * 1000)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids(),
    "string": st.text(max_size=30),
    "bytes": st.binary(max_size=80),
    "int": st.integers(min_value=-(2**31), max_value=2**31 - 1),
    "long": st.integers(min_value=-(2**63), max_value=2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "time-micros": st.times().map(lambda at: at.replace(fold=0)),
    "time-millis": st.builds(lambda at, micros: at.replace(microsecond=micros, fold=0), st.times(), _MILLIS),
    "timestamp-micros": st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(fold=0)),
    "timestamp-millis": st.builds(
        lambda at, micros: at.replace(microsecond=micros, fold=0), st.datetimes(timezones=st.just(UTC)), _MILLIS
    ),
}
_PRIMITIVES = ("string", "bytes", "boolean", "int", "long", "float", "double")
_LOGICAL = (
    ("string", "uuid"),
    ("int", "date"),
    ("int", "time-millis"),
    ("long", "time-micros"),
    ("long", "timestamp-millis"),
    ("long", "timestamp-micros"),
)


def events() -> st.SearchStrategy[Event]:
    """Any event of any type that fits its schema."""
    latest = newest(read_sources(project().schemas_folder))
    return st.one_of(*(events_of(EVENTS[event_type], source.fields) for event_type, source in latest.items()))


def events_of(kind: type[Any], fields: tuple[Field, ...]) -> st.SearchStrategy[Any]:
    """Instances of a generated class, of an event or of a record inside one."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{each.name: _value(each.type, hints[each.name]) for each in fields})


def _value(type_: AvroType, annotation: Any) -> st.SearchStrategy[Any]:
    match type_:
        case NullableType():
            return st.none() | _value(type_.value, get_args(annotation)[0])
        case ArrayType():
            return st.lists(_value(type_.items, get_args(annotation)[0]), max_size=3).map(tuple)
        case MapType():
            values = _value(type_.values, get_args(annotation)[1])
            return st.dictionaries(st.text(max_size=5), values, max_size=3).map(FrozenMap)
        case RecordType():
            return events_of(annotation, type_.fields)
        case EnumType():
            return st.sampled_from(list(annotation))
        case FixedType():
            return st.binary(min_size=type_.size, max_size=type_.size)
        case DecimalType():
            largest = 10**type_.precision - 1
            return st.integers(-largest, largest).map(lambda number: Decimal(number).scaleb(-type_.scale, _EXACT))
    return _SCALARS[type_.kind]


@st.composite
def schema_fields(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Fields of an event: up to five, nested up to three deep, null allowed everywhere."""
    names = (f"Type{number}" for number in range(1_000))

    def type_(depth: int) -> Any:
        shapes = ["primitive", "logical", "decimal", "enum", "fixed"]
        shapes += ["null", "array", "map", "record", "record"] if depth else []
        match draw(st.sampled_from(shapes)):
            case "primitive":
                return draw(st.sampled_from(_PRIMITIVES))
            case "logical":
                kind, logical = draw(st.sampled_from(_LOGICAL))
                return {"type": kind, "logicalType": logical}
            case "decimal":
                precision = draw(st.integers(1, 40))
                return decimal(precision, draw(st.integers(0, precision)))
            case "enum":
                symbols = [f"s{number}" for number in range(draw(st.integers(1, 4)))]
                return {"type": "enum", "name": next(names), "doc": "An enum.", "symbols": symbols, "default": "s0"}
            case "fixed":
                return {"type": "fixed", "name": next(names), "size": draw(st.integers(1, 20))}
            case "array":
                return {"type": "array", "items": optional(depth - 1)}
            case "map":
                return {"type": "map", "values": optional(depth - 1)}
            case "record":
                return {"type": "record", "name": next(names), "doc": "A record.", "fields": fields(depth - 1, 3)}
        return optional(depth)

    def optional(depth: int) -> Any:
        inner = type_(depth)
        return ["null", inner] if not isinstance(inner, list) and draw(st.booleans()) else inner

    def fields(depth: int, most: int) -> list[dict[str, Any]]:
        found = []
        for number in range(draw(st.integers(1, most))):
            chosen = optional(depth)
            default = {"default": None} if isinstance(chosen, list) else {}
            found.append({"name": f"field_{number}", "type": chosen, "doc": "A value.", **default})
        return found

    return fields(3, 5)
