"""The Avro types of event fields, as a tree.

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
    """A single value. Its kind is the logical type if it has one, else the Avro type."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalType:
    """An unscaled integer in bytes. The value is that integer divided by ten to the power of
    `scale`.
    """

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
    """One of the symbols. A reader reads an unknown symbol as the default."""

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
    """A map with string keys."""

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
    """A union of null and one other type, in this order."""

    value: "AvroType"

    @property
    def kind(self) -> str:
        return self.value.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A type that events do not support."""

    kind: str
    """Name of the type in messages."""


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
        """Kind of the value. See `nullable` for null."""
        return self.type.kind

    @property
    def nullable(self) -> bool:
        return isinstance(self.type, NullableType)

    @property
    def doc(self) -> str:
        return str(self.definition.get("doc", ""))

    @property
    def personal(self) -> bool:
        """True for personal data."""
        return self.definition.get("pii") is True

    @property
    def has_default(self) -> bool:
        return "default" in self.definition


def simple_name(named: NamedType) -> str:
    """The name without the namespace, which is also the name of the generated class."""
    return str(named.definition["name"]).rpartition(".")[2]


def full_name(definition: Definition, namespace: str) -> str:
    """The full Avro name of a named type inside `namespace`."""
    name = str(definition["name"])
    inner = str(definition.get("namespace", namespace))
    return name if "." in name or not inner else f"{inner}.{name}"


def nested(type_: AvroType, path: str) -> Iterator[tuple[str, AvroType]]:
    """The type and all types inside it, each with its path: `lines`, `lines[]`, `lines[].price`,
    `labels{}`. Omits null.
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
    for field_ in fields:
        path = f"{prefix}{field_.name}"
        yield path, field_
        for inner_path, inner in nested(field_.type, path):
            if isinstance(inner, RecordType):
                for own in inner.fields:
                    yield f"{inner_path}.{own.name}", own
