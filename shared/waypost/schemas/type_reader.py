"""Reads the fields of a schema file as a type tree, and resolves names.

It raises no errors: a type that events do not support becomes `Unsupported`, so that the lint can
report the field.
"""

from collections.abc import Sequence
from typing import Any

from waypost.schemas.types import (
    SCALARS,
    ArrayType,
    AvroType,
    DecimalType,
    Definition,
    EnumType,
    Field,
    FixedType,
    MapType,
    NamedType,
    NullableType,
    RecordType,
    Scalar,
    Unsupported,
    full_name,
)


def read_fields(definition: Definition) -> tuple[Field, ...]:
    """The fields of an event's record, with resolved names of nested types."""
    reader = _TypeReader()
    name = full_name(definition, "")
    reader.open.add(name)
    return reader.fields(definition, name.rpartition(".")[0])


class _TypeReader:
    """Reads one schema file. A type can be used by name after its definition."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self._known: dict[str, NamedType] = {}

    def fields(self, definition: Definition, namespace: str) -> tuple[Field, ...]:
        return tuple(
            Field(name=field["name"], type=self.type(field["type"], namespace), definition=field)
            for field in definition["fields"]
        )

    def type(self, written: Any, namespace: str) -> AvroType:
        if isinstance(written, list):
            return self._union(written, namespace)
        if isinstance(written, str):
            return self._named(written, namespace)
        kind, logical = written["type"], written.get("logicalType")
        if isinstance(kind, dict | list):
            return self.type(kind, namespace)
        match kind:
            case "array":
                return ArrayType(items=self.type(written["items"], namespace))
            case "map":
                return MapType(values=self.type(written["values"], namespace))
            case "record" | "enum" | "fixed" if logical is None:
                return self._definition(written, namespace)
            case "bytes" if logical == "decimal":
                return DecimalType(precision=written.get("precision", 0), scale=written.get("scale", 0))
            case _ if (kind, logical) in SCALARS:
                return Scalar(kind=SCALARS[kind, logical])
            case _ if logical is not None:
                return Unsupported(kind=f"{logical} on {kind}")
        return self._named(kind, namespace)

    def _union(self, branches: Sequence[Any], namespace: str) -> AvroType:
        if len(branches) != 2 or branches[0] != "null":
            return Unsupported(kind="union other than null and one type")
        return NullableType(value=self.type(branches[1], namespace))

    def _named(self, name: str, namespace: str) -> AvroType:
        if (name, None) in SCALARS:
            return Scalar(kind=name)
        full = name if "." in name else f"{namespace}.{name}"
        if full in self.open:
            return Unsupported(kind=f"record {name} inside itself")
        return self._known.get(full) or Unsupported(kind=name)

    def _definition(self, written: Definition, namespace: str) -> AvroType:
        name = full_name(written, namespace)
        match written["type"]:
            case "enum":
                defined: NamedType = EnumType(
                    definition=written, symbols=tuple(written["symbols"]), default=written.get("default")
                )
            case "fixed":
                defined = FixedType(definition=written, size=written["size"])
            case _:
                self.open.add(name)
                defined = RecordType(definition=written, fields=self.fields(written, name.rpartition(".")[0]))
                self.open.discard(name)
        self._known[name] = defined
        return defined
