"""Avro types as a tree: the shapes that an event's fields may have.

`waypost.schemas.type_reader` builds the tree from a schema file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Definition = dict[str, Any]

SCALARS: Mapping[tuple[str, str | None], str] = {
    ("string", None): "string",
    ("bytes", None): "bytes",
    ("boolean", None): "boolean",
    ("int", None): "int",
    ("long", None): "long",
    ("float", None): "float",
    ("double", None): "double",
    ("string", "uuid"): "uuid",
    ("int", "date"): "date",
    ("int", "time-millis"): "time-millis",
    ("long", "time-micros"): "time-micros",
    ("long", "timestamp-millis"): "timestamp-millis",
    ("long", "timestamp-micros"): "timestamp-micros",
}
"""(Avro type, logical type) → kind."""
KINDS = (*SCALARS.values(), "decimal", "enum", "fixed", "array", "map", "record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value. Its kind is the logical type where it has one, else the Avro type."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalType:
    """Unscaled integer in bytes; the value is that integer divided by ten to the power of `scale`."""

    precision: int
    scale: int
    kind: str = field(default="decimal", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedType:
    """Exactly `size` bytes."""

    definition: Definition
    size: int
    kind: str = field(default="fixed", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumType:
    """One of the symbols. A reader that does not know a symbol reads the default."""

    definition: Definition
    symbols: tuple[str, ...]
    default: str | None
    kind: str = field(default="enum", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayType:
    """A list in Avro, a tuple in Python."""

    items: "AvroType"
    kind: str = field(default="array", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapType:
    """Keys are strings."""

    values: "AvroType"
    kind: str = field(default="map", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordType:
    """A record inside the event."""

    definition: Definition
    fields: tuple["Field", ...]
    kind: str = field(default="record", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NullableType:
    """Union of null, first, and one other type."""

    value: "AvroType"

    @property
    def kind(self) -> str:
        return self.value.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A shape that events cannot have."""

    kind: str
    """As the message names it."""


NamedType: TypeAlias = FixedType | EnumType | RecordType
AvroType: TypeAlias = Scalar | DecimalType | ArrayType | MapType | NullableType | Unsupported | NamedType


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an event or of a record inside it."""

    name: str
    type: AvroType
    definition: Definition

    @property
    def kind(self) -> str:
        """Of the value; null is told by `nullable`."""
        return self.type.kind

    @property
    def nullable(self) -> bool:
        return isinstance(self.type, NullableType)

    @property
    def doc(self) -> str:
        return str(self.definition.get("doc", ""))

    @property
    def personal(self) -> bool:
        """Whether it identifies a person."""
        return self.definition.get("pii") is True

    @property
    def has_default(self) -> bool:
        return "default" in self.definition


def simple_name(named: NamedType) -> str:
    """Without the namespace; the name of the generated class."""
    return str(named.definition["name"]).rpartition(".")[2]


def full_name(definition: Definition, namespace: str) -> str:
    """Avro's full name of a named type inside `namespace`."""
    name = str(definition["name"])
    inner = str(definition.get("namespace", namespace))
    return name if "." in name or not inner else f"{inner}.{name}"


def nested(type_: AvroType, path: str) -> Iterator[tuple[str, AvroType]]:
    """The type and all types inside it, each with its path: `lines`, `lines[]`, `lines[].price`,
    `labels{}`. Null is left out.
    """
    if isinstance(type_, NullableType):
        yield from nested(type_.value, path)
        return
    yield path, type_
    match type_:
        case ArrayType():
            yield from nested(type_.items, f"{path}[]")
        case MapType():
            yield from nested(type_.values, f"{path}{{}}")
        case RecordType():
            for inner in type_.fields:
                yield from nested(inner.type, f"{path}.{inner.name}")


def nested_fields(fields: Sequence[Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """All fields at every depth, each with its path."""
    for each in fields:
        path = f"{prefix}{each.name}"
        yield path, each
        for inner_path, inner in nested(each.type, path):
            if isinstance(inner, RecordType):
                for own in inner.fields:
                    yield f"{inner_path}.{own.name}", own
