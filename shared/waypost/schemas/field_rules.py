"""Rules for the fields of an event, at every depth: names, types, defaults, personal data."""

import re
from collections.abc import Iterator
from keyword import iskeyword

from waypost.kernel.event import PERSONAL_CIPHERTEXT
from waypost.schemas.classes import PYTHON_TYPES
from waypost.schemas.defaults import default_value
from waypost.schemas.literals import member_name
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource
from waypost.schemas.types import (
    KINDS,
    DecimalType,
    Definition,
    EnumType,
    Field,
    FixedType,
    NamedType,
    RecordType,
    Unsupported,
    nested,
    nested_fields,
    simple_name,
)

_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CLASS_WORDS = frozenset({*PYTHON_TYPES.values(), "tuple", "field"})
"""Names that the annotations of the generated class use."""
_EVENT_WORDS = frozenset({"type", "topic", "schema_version", "personal"})
"""Class attributes of every event class."""


def field_problems(source: SchemaSource) -> Iterator[SchemaProblem]:
    """Problems of one file."""
    yield from _aliases(source.label, f"record {source.name}", source.definition)
    for path, field in nested_fields(source.fields):
        where = f"{source.label}, field {path}"
        yield from _aliases(where, "field", field.definition)
        yield from _name(where, field, is_event=path == field.name)
        yield from _personal(where, field, inside=path != field.name)
        yield from _ciphertext(where, field, source)
        yield from _null(where, field)
        yield from _default(where, field)
    for field in source.fields:
        for path, type_ in nested(field.type, field.name):
            where = f"{source.label}, field {path}"
            if isinstance(type_, NamedType):
                yield from _aliases(where, f"{type_.kind} {simple_name(type_)}", type_.definition)
            match type_:
                case Unsupported():
                    yield SchemaProblem(
                        where,
                        f"the type {type_.kind} is not supported",
                        f"the codec supports {', '.join(KINDS)}, and null before one of these",
                        "use one of these",
                    )
                case EnumType():
                    yield from _enum(where, type_)
                case DecimalType() | FixedType() | RecordType():
                    yield from _size(where, type_)


def _aliases(where: str, named: str, definition: Definition) -> Iterator[SchemaProblem]:
    if "aliases" in definition:
        yield SchemaProblem(
            where,
            f"the {named} has aliases",
            "the rules for later versions compare names: under a new name, the meaning of old values could change",
            'remove "aliases"; for another name add a field beside the old one, and fill it in an upcaster',
        )


def _name(where: str, field: Field, *, is_event: bool) -> Iterator[SchemaProblem]:
    if not _FIELD.fullmatch(field.name):
        yield SchemaProblem(where, "the name is not in snake case", "it becomes an attribute", "rename it")
    elif iskeyword(field.name):
        yield SchemaProblem(where, "the name is a keyword of Python", "it becomes an attribute", "rename it")
    elif field.name in _CLASS_WORDS or (is_event and field.name in _EVENT_WORDS):
        yield SchemaProblem(
            where,
            "the name is reserved",
            "the generated class uses the name",
            f"use a longer name: due_{field.name}, {field.name}_value",
        )


def _personal(where: str, field: Field, *, inside: bool) -> Iterator[SchemaProblem]:
    if not field.personal:
        return
    if inside:
        yield SchemaProblem(
            where,
            "the field is personal data inside a record",
            "erasure and encryption process only the fields of the event itself",
            "make it a field of the event, or store the id of the person instead",
        )
    elif field.kind != "string" or field.nullable or field.has_default:
        yield SchemaProblem(
            where,
            "the field is personal data but not a plain string",
            "it may later contain ciphertext",
            "make it a string without null or default",
        )


def _ciphertext(where: str, field: Field, source: SchemaSource) -> Iterator[SchemaProblem]:
    if field.name != PERSONAL_CIPHERTEXT:
        return
    if field.kind != "bytes" or field.nullable or field.definition.get("default") != "":
        yield SchemaProblem(
            where,
            "the field is not bytes with an empty default",
            "it contains the encrypted personal data; older events and events of erased people have none",
            'write "type": "bytes", "default": ""',
        )
    elif not any(each.personal for each in source.fields):
        yield SchemaProblem(
            where,
            "the event has no personal data",
            "this field contains the encrypted values of the fields with pii",
            'remove the field, or mark the personal fields with "pii": true',
        )


def _null(where: str, field: Field) -> Iterator[SchemaProblem]:
    if field.nullable and field.definition.get("default", "") is not None:
        yield SchemaProblem(
            where,
            "the field may be null but its default is not null",
            "older events lack the field",
            'add "default": null',
        )


def _default(where: str, field: Field) -> Iterator[SchemaProblem]:
    supported = not any(isinstance(type_, Unsupported) for _, type_ in nested(field.type, ""))
    if not field.has_default or field.nullable or not supported:
        return
    try:
        default_value(field.type, field.definition["default"])
    except ValueError as error:
        yield SchemaProblem(
            where,
            f"the default does not fit the type ({field.kind}): {error}",
            "handlers of older events receive the default, and expect the type",
            'correct the default, or make the field nullable: ["null", …] with "default": null',
        )


def _enum(where: str, type_: EnumType) -> Iterator[SchemaProblem]:
    if type_.default not in type_.symbols:
        yield SchemaProblem(
            where,
            "the enum has no default symbol" if type_.default is None else f"{type_.default} is not one of its symbols",
            "an older release reads the default instead of a symbol that only newer releases know",
            'add "default" to the enum, for example UNKNOWN as its first symbol',
        )
    if odd := [symbol for symbol in type_.symbols if not _SYMBOL.fullmatch(symbol)]:
        yield SchemaProblem(
            where, f"the symbol {odd[0]} is not a name", "symbols become members of a class", "rename it"
        )
    if len({member_name(symbol) for symbol in type_.symbols}) < len(type_.symbols):
        yield SchemaProblem(
            where, "two symbols differ only by case", "members of the class are upper case", "rename one"
        )


def _size(where: str, type_: DecimalType | FixedType | RecordType) -> Iterator[SchemaProblem]:
    match type_:
        case DecimalType() if not (0 < type_.precision <= 1000 and 0 <= type_.scale <= type_.precision):
            yield SchemaProblem(
                where,
                f"precision {type_.precision} and scale {type_.scale} are not valid for a decimal",
                "precision counts all digits, scale those after the point",
                "set 0 < precision <= 1000 and 0 <= scale <= precision",
            )
        case FixedType() if type_.size < 1:
            yield SchemaProblem(
                where, "the fixed type has no bytes", "it could not store a value", "set a size of 1 or more"
            )
        case RecordType() if not type_.fields:
            yield SchemaProblem(where, "the record has no fields", "it could not store a value", "add a field")
