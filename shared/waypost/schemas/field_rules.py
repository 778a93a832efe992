"""Rules for the fields of an event, at every depth: names, types, defaults, personal data."""

import re
from collections.abc import Iterator
from keyword import iskeyword

from waypost.schemas.classes import PYTHON_TYPES
from waypost.schemas.defaults import default_value
from waypost.schemas.literals import member_name
from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource
from waypost.schemas.types import (
    KINDS,
    DecimalType,
    EnumType,
    Field,
    FixedType,
    RecordType,
    Unsupported,
    nested,
    nested_fields,
)

_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CLASS_WORDS = frozenset({*PYTHON_TYPES.values(), "tuple", "field"})
"""Names that the annotations of the same class need."""
_EVENT_WORDS = frozenset({"type", "topic", "schema_version", "personal"})
"""Class attributes of every event."""


def field_problems(source: SchemaSource) -> Iterator[SchemaProblem]:
    """Of one file."""
    for path, each in nested_fields(source.fields):
        where = f"{source.label}, field {path}"
        yield from _name(where, each, is_event=path == each.name)
        yield from _personal(where, each, inside=path != each.name)
        yield from _null(where, each)
        yield from _default(where, each)
    for each in source.fields:
        for path, type_ in nested(each.type, each.name):
            where = f"{source.label}, field {path}"
            match type_:
                case Unsupported():
                    yield SchemaProblem(
                        where,
                        f"the type {type_.kind} is not used here",
                        f"the codec knows {', '.join(KINDS)}, and null before one of these",
                        "use one of these",
                    )
                case EnumType():
                    yield from _enum(where, type_)
                case DecimalType() | FixedType() | RecordType():
                    yield from _size(where, type_)


def _name(where: str, each: Field, *, is_event: bool) -> Iterator[SchemaProblem]:
    if not _FIELD.fullmatch(each.name):
        yield SchemaProblem(where, "the name is not snake case", "it becomes an attribute", "rename it")
    elif iskeyword(each.name):
        yield SchemaProblem(where, "the name is a keyword of Python", "it becomes an attribute", "rename it")
    elif each.name in _CLASS_WORDS or (is_event and each.name in _EVENT_WORDS):
        yield SchemaProblem(
            where,
            "the name is taken",
            "the generated class uses it for something else",
            f"say more: due_{each.name}, {each.name}_value",
        )


def _personal(where: str, each: Field, *, inside: bool) -> Iterator[SchemaProblem]:
    if not each.personal:
        return
    if inside:
        yield SchemaProblem(
            where,
            "it is personal inside a record",
            "erasure and encryption reach the fields of the event itself only",
            "make it a field of the event, or store the id of a person instead",
        )
    elif each.kind != "string" or each.nullable or each.has_default:
        yield SchemaProblem(
            where,
            "it is personal but not a plain string",
            "it may one day hold ciphertext",
            "make it a string without null or default",
        )


def _null(where: str, each: Field) -> Iterator[SchemaProblem]:
    if each.nullable and each.definition.get("default", "") is not None:
        yield SchemaProblem(
            where, "it may be null but does not default to it", "older events lack it", 'add "default": null'
        )


def _default(where: str, each: Field) -> Iterator[SchemaProblem]:
    supported = not any(isinstance(type_, Unsupported) for _, type_ in nested(each.type, ""))
    if not each.has_default or each.nullable or not supported:
        return
    try:
        default_value(each.type, each.definition["default"])
    except ValueError as error:
        yield SchemaProblem(
            where,
            f"its default does not fit its type ({each.kind}): {error}",
            "handlers of older events get the default, and expect the type",
            'correct the default, or make the field nullable: ["null", …] with "default": null',
        )


def _enum(where: str, type_: EnumType) -> Iterator[SchemaProblem]:
    if type_.default not in type_.symbols:
        yield SchemaProblem(
            where,
            "the enum has no default symbol" if type_.default is None else f"{type_.default} is not one of its symbols",
            "an older release reads the default where a newer one wrote a symbol that it does not know",
            'add "default" to the enum, for example UNKNOWN as its first symbol',
        )
    if odd := [each for each in type_.symbols if not _SYMBOL.fullmatch(each)]:
        yield SchemaProblem(
            where, f"the symbol {odd[0]} is not a name", "symbols become members of a class", "rename it"
        )
    if len({member_name(each) for each in type_.symbols}) < len(type_.symbols):
        yield SchemaProblem(
            where, "two symbols differ by case alone", "members of the class are upper case", "rename one"
        )


def _size(where: str, type_: DecimalType | FixedType | RecordType) -> Iterator[SchemaProblem]:
    match type_:
        case DecimalType() if not (0 < type_.precision <= 1000 and 0 <= type_.scale <= type_.precision):
            yield SchemaProblem(
                where,
                f"precision {type_.precision} and scale {type_.scale} describe no decimal",
                "precision counts all digits, scale those after the point",
                "set 0 < precision <= 1000 and 0 <= scale <= precision",
            )
        case FixedType() if type_.size < 1:
            yield SchemaProblem(where, "the fixed has no bytes", "it could say nothing", "set a size of 1 or more")
        case RecordType() if not type_.fields:
            yield SchemaProblem(where, "the record has no fields", "it could say nothing", "add a field")
