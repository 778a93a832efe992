"""Which older versions of an event type hold an event of its newest class.

A version holds an event if reading its bytes gives the event back: each field that the version
lacks has its default, each enum symbol is one of the version's, and an upcaster changes nothing.
Such an event is written in the oldest version that holds it, so that an older release can read it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import copysign
from typing import Any

from waypost.kernel.event import Event
from waypost.schemas.defaults import default_value
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    EnumType,
    Field,
    MapType,
    NullableType,
    RecordType,
    nested,
)

Condition = Callable[[Any], bool]
"""Whether an older version holds a value, which is in the form that the Avro writer gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderVersion:
    """An older version, and what an event must fulfil to be written in it."""

    schema_id: int
    schema: Any
    """Parsed by fastavro."""
    defaults: tuple[tuple[str, Any], ...]
    """Fields that the version lacks, with their encoded defaults."""
    conditions: tuple[tuple[str, Condition], ...]
    """Fields of which the version holds some values only."""
    upcast: Callable[[Event], Event] | None

    def holds(self, event: Event, values: Mapping[str, Any]) -> bool:
        """`values`: all fields of the newest version, as the Avro writer gets them."""
        for name, default in self.defaults:
            if values[name] != default:
                return False
        for name, condition in self.conditions:
            if not condition(values[name]):
                return False
        return self.upcast is None or _unchanged(event, self.upcast)


def keeps_all_fields(older: Sequence[Field], newest: Sequence[Field]) -> bool:
    """True if each field of the older version exists in the newest one, at every depth. Only
    such versions are written (decision 0088): an older reader would treat the default of a removed
    field as the value that the writer set.
    """
    by_name = {field.name: field.type for field in newest}
    return all(field.name in by_name and _keeps_all(field.type, by_name[field.name]) for field in older)


def older_version(
    schema_id: int,
    schema: Any,
    older: Sequence[Field],
    newest: Sequence[Field],
    upcast: Callable[[Event], Event] | None,
) -> OlderVersion:
    """`schema` is the older one, parsed by fastavro; its fields are all kept."""
    before = {field.name: field.type for field in older}
    added = [(field.name, field.type, _default(field)) for field in newest if field.name not in before]
    kept = [(field.name, _condition(before[field.name], field.type)) for field in newest if field.name in before]
    return OlderVersion(
        schema_id=schema_id,
        schema=schema,
        defaults=tuple((name, default) for name, type_, default in added if not _has_float(type_)),
        conditions=(
            *((name, partial(_equal, default)) for name, type_, default in added if _has_float(type_)),
            *((name, condition) for name, condition in kept if condition is not None),
        ),
        upcast=upcast,
    )


def _keeps_all(older: AvroType, newest: AvroType) -> bool:
    match older, newest:
        case (NullableType(), NullableType()):
            return _keeps_all(older.value, newest.value)
        case (ArrayType(), ArrayType()):
            return _keeps_all(older.items, newest.items)
        case (MapType(), MapType()):
            return _keeps_all(older.values, newest.values)
        case (RecordType(), RecordType()):
            return keeps_all_fields(older.fields, newest.fields)
    return type(older) is type(newest) and older.kind == newest.kind


def _condition(older: AvroType, newest: AvroType) -> Condition | None:
    """None if the older type holds every value of the newest one."""
    match older, newest:
        case (NullableType(), NullableType()):
            return _each(older.value, newest.value, lambda value: () if value is None else (value,))
        case (ArrayType(), ArrayType()):
            return _each(older.items, newest.items, lambda value: value)
        case (MapType(), MapType()):
            return _each(older.values, newest.values, lambda value: value.values())
        case (RecordType(), RecordType()):
            return _record(older, newest)
        case (EnumType(), EnumType()):
            known = frozenset(older.symbols)
            return None if known.issuperset(newest.symbols) else known.__contains__
    return None


def _each(older: AvroType, newest: AvroType, items: Callable[[Any], Iterable[Any]]) -> Condition | None:
    condition = _condition(older, newest)
    return condition and (lambda value: all(map(condition, items(value))))


def _record(older: RecordType, newest: RecordType) -> Condition | None:
    before = {field.name: field.type for field in older.fields}
    conditions: list[tuple[str, Condition]] = []
    for field in newest.fields:
        if field.name not in before:
            conditions.append((field.name, partial(_equal, _default(field))))
        elif (condition := _condition(before[field.name], field.type)) is not None:
            conditions.append((field.name, condition))
    return (lambda value: all(condition(value[name]) for name, condition in conditions)) if conditions else None


def _default(field: Field) -> Any:
    """As the Avro writer gets it."""
    return default_value(field.type, field.definition["default"])


def _has_float(type_: AvroType) -> bool:
    return any(inner.kind in ("float", "double") for _, inner in nested(type_, ""))


def _equal(default: Any, value: Any) -> bool:
    """Distinguishes -0.0 from 0.0, which are equal numbers with different bytes."""
    match value:
        case float():
            return value == default and copysign(1.0, value) == copysign(1.0, default)
        case list():
            return len(value) == len(default) and all(map(_equal, default, value))
        case dict():
            return value.keys() == default.keys() and all(_equal(default[key], item) for key, item in value.items())
    return bool(value == default)


def _unchanged(event: Event, upcast: Callable[[Event], Event]) -> bool:
    """Whether the upcaster returns an equal event. One that fails would make the record
    undecodable.
    """
    try:
        return upcast(event) == event
    except Exception:  # noqa: BLE001 - an upcaster may raise any error; the newest version is then written
        return False
