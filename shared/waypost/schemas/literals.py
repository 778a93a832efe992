"""Python source text of default values, in the layout of the formatter."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypeAlias
from uuid import UUID

from waypost.schemas.logical import decimal_of
from waypost.schemas.scalar_values import SCALAR_CODECS
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    DecimalType,
    EnumType,
    MapType,
    NullableType,
    RecordType,
    Scalar,
    simple_name,
)

WIDTH = 120
"""Columns of a line of code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Text in brackets, which can be broken into lines."""

    before: str
    """Text up to and including the opening bracket."""
    parts: tuple[tuple[str, "Literal"], ...]
    """The label of each part (`name=`, `"key": `), and the part."""
    after: str
    call: bool = False
    """Arguments can share one line inside the brackets. Items of a collection are one per line."""

    def flat(self) -> str:
        inner = ", ".join(label + flat(part) for label, part in self.parts)
        comma = "," if self.before == "(" and len(self.parts) == 1 else ""
        return f"{self.before}{inner}{comma}{self.after}"


Literal: TypeAlias = str | Group


def flat(literal: Literal) -> str:
    return literal if isinstance(literal, str) else literal.flat()


def laid_out(prefix: str, literal: Literal, indent: int = 4, suffix: str = "") -> str:
    """`prefix` and the literal as lines at this indent. The first line has no indent; the suffix is
    on the last line.
    """
    line = prefix + flat(literal)
    if isinstance(literal, str) or not literal.parts or indent + len(line + suffix) <= WIDTH:
        return line + suffix
    deeper = indent + 4
    shared = ", ".join(label + flat(part) for label, part in literal.parts)
    if literal.call and deeper + len(shared) <= WIDTH:
        body = f"{' ' * deeper}{shared}\n"
    else:
        body = "".join(f"{' ' * deeper}{laid_out(label, part, deeper, suffix=',')}\n" for label, part in literal.parts)
    return f"{prefix}{literal.before}\n{body}{' ' * indent}{literal.after}{suffix}"


def literal_of(type_: AvroType, value: Any) -> Literal:
    """The literal of a value that `default_value` returned."""
    match type_:
        case NullableType():
            return "None" if value is None else literal_of(type_.value, value)
        case Scalar():
            decode = SCALAR_CODECS[type_.kind].decode
            return _scalar(decode(value) if decode else value)
        case DecimalType():
            return f'Decimal("{decimal_of(value, precision=type_.precision, scale=type_.scale)}")'
        case EnumType():
            return f"{simple_name(type_)}.{member_name(value)}"
        case ArrayType():
            return Group(before="(", parts=tuple(("", literal_of(type_.items, item)) for item in value), after=")")
        case MapType():
            return _map(type_, value)
        case RecordType():
            values = tuple((f"{field.name}=", literal_of(field.type, value[field.name])) for field in type_.fields)
            return Group(before=f"{simple_name(type_)}(", parts=values, after=")", call=True)
    return repr_of(value)


def member_name(symbol: str) -> str:
    """The member name in the generated enum."""
    return symbol.upper()


def repr_of(value: str | bytes) -> str:
    """The literal with double quotes, unless that needs more escapes."""
    text = repr(value)
    start = text.index(text[-1])
    quoted = text[start + 1 : -1]
    return text if '"' in quoted else f'{text[:start]}"{quoted}"'


def _map(type_: MapType, value: dict[str, Any]) -> Literal:
    if not value:
        return "FrozenMap()"
    items = tuple((f"{repr_of(key)}: ", literal_of(type_.values, item)) for key, item in value.items())
    return Group(before="FrozenMap(", parts=(("", Group(before="{", parts=items, after="}")),), after=")", call=True)


def _scalar(value: Any) -> str:
    match value:
        case str() | bytes():
            return repr_of(value)
        case UUID():
            return f'UUID("{value}")'
        case datetime():
            numbers = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
            return f"datetime({', '.join(map(str, _shortened(numbers, 3)))}, tzinfo=UTC)"
        case date():
            return f"date({value.year}, {value.month}, {value.day})"
        case time():
            return f"time({', '.join(map(str, _shortened([value.hour, value.minute, value.second, value.microsecond], 1)))})"
        case _:
            return repr(value)


def _shortened(numbers: list[int], least: int) -> list[int]:
    while len(numbers) > least and not numbers[-1]:
        numbers.pop()
    return numbers
