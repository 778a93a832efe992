"""One parameter of a job's handler: its annotated type, and the type's JSON form."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from waypost.kernel.errors import Invalid, Misconfigured
from waypost.kernel.text import is_storable
from waypost.ports.jobs import JobArgument, Scalar

JsonScalar = str | int | bool | None
JsonArgument = JsonScalar | list[JsonScalar]

MAX_TEXT_LENGTH = 1_000
"""Limit in characters of a str, and digits of an int or a Decimal. Store a longer value and pass
its id.
"""
MAX_LIST_LENGTH = 1_000
"""Limit of elements in a list."""

_FROM_TEXT: Mapping[type, Callable[[str], Scalar]] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}
"""Parsers of the types that JSON holds as text."""

_KINDS = (str, int, bool, *_FROM_TEXT)
_TAKES = "a job takes str, int, bool, UUID, datetime, date and Decimal, and lists of these"
_INSTEAD: Mapping[Any, str] = {
    float: "A float is rounded: pass a Decimal, or money as integer minor units",
    dict: "Pass each entry as a separate parameter",
    list: "Name the element type: list[UUID]",
    tuple: "Annotate it as a list",
    set: "Annotate it as a list",
    Sequence: "Annotate it as a list",
    UnionType: "Name one type; a list holds no None",
    Union: "Name one type; a list holds no None",
}
_THE_ID = "Pass the id of an object and load it when the job runs"


@dataclass(frozen=True, slots=True)
class Parameter:
    kind: type
    """Type of the value, or of a list's elements."""
    nullable: bool
    required: bool
    many: bool = False
    """Whether the parameter is a list."""

    @property
    def type_name(self) -> str:
        return f"list[{self.kind.__name__}]" if self.many else self.kind.__name__

    def to_json(self, label: str, value: JobArgument) -> JsonArgument:
        """The JSON value. Raises Invalid, with `label`, for a value of another type, or one that
        cannot be stored.
        """
        if value is None and self.nullable:
            return None
        if not self.many:
            return self._scalar_to_json(label, value)
        if not isinstance(value, list):
            raise Invalid(f"{label} takes {self.type_name}, not {type(value).__name__}")
        if len(value) > MAX_LIST_LENGTH:
            raise Invalid(
                f"{label} has more than {MAX_LIST_LENGTH} elements. Store them, and pass the id, or enqueue several jobs"
            )
        return [self._scalar_to_json(f"{label}[{index}]", element) for index, element in enumerate(value)]

    def from_json(self, stored: JsonArgument) -> JobArgument:
        """The value from JSON. Raises ValueError or ArithmeticError for text that is not valid for
        the type.

        A value of another JSON type is returned unchanged; `to_json` refuses it.
        """
        return [self._restore(element) for element in stored] if isinstance(stored, list) else self._restore(stored)

    def from_text(self, typed: JsonArgument) -> JobArgument:
        """The value from an operator's text. Raises ValueError, KeyError or ArithmeticError for
        text that is not valid for the type.
        """
        value = json.loads(typed) if self.many and isinstance(typed, str) else typed
        return [self._read(element) for element in value] if isinstance(value, list) else self._read(value)

    def _restore(self, stored: JsonScalar) -> Scalar:
        read = _FROM_TEXT.get(self.kind)
        return read(stored) if read is not None and isinstance(stored, str) else stored

    def _read(self, typed: JsonScalar) -> Scalar:
        if isinstance(typed, str) and self.kind is bool:
            return {"true": True, "false": False}[typed]
        return int(typed) if isinstance(typed, str) and self.kind is int else self._restore(typed)

    def _fits(self, value: object) -> bool:
        """Whether the value has the type. In Python a bool is an int and a datetime is a date; here
        they are not.
        """
        if (self.kind is int and isinstance(value, bool)) or (self.kind is date and isinstance(value, datetime)):
            return False
        return isinstance(value, self.kind)

    def _scalar_to_json(self, label: str, value: object) -> JsonScalar:
        if not self._fits(value):
            raise Invalid(
                f"{label} takes {self.kind.__name__}, not {type(value).__name__}. Pass ids and scalars;"
                " the job loads other data when it runs"
            )
        _refuse_unstorable(label, value)
        if isinstance(value, datetime | date):
            return value.isoformat()
        return str(value) if isinstance(value, UUID | Decimal) else value  # type: ignore[return-value]  # one of the kinds


def parameter_of(label: str, hint: Any, *, required: bool) -> Parameter:
    """The parameter of an annotation. Raises Misconfigured, with `label`, for a type that jobs do
    not accept.
    """
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    present = [member for member in members if member is not NoneType]
    (inner,) = present if len(present) == 1 else (hint,)
    many = get_origin(inner) is list
    kind = _plain(get_args(inner)[0]) if many else _plain(inner)
    if kind not in _KINDS:
        shape = get_origin(kind) or kind
        advice = "A list holds scalars, not lists" if many and shape is list else _INSTEAD.get(shape, _THE_ID)
        raise Misconfigured(f"{label} is {hint}; {_TAKES}. {advice}")
    return Parameter(kind, NoneType in members, required, many)


def _plain(hint: Any) -> Any:
    """The type that a NewType is based on."""
    return getattr(hint, "__supertype__", hint)


def _refuse_unstorable(label: str, value: object) -> None:
    match value:
        case str() if len(value) > MAX_TEXT_LENGTH:
            raise Invalid(f"{label} is longer than {MAX_TEXT_LENGTH} characters. Store it, and pass its id")
        case str() if not is_storable(value):
            raise Invalid(f"{label} holds a NUL or half a surrogate pair, which PostgreSQL stores in no text")
        case datetime() if value.tzinfo is None:
            raise Invalid(f"{label} has no time zone; pass a timezone-aware datetime")
        case int() if abs(value) >= 10**MAX_TEXT_LENGTH:
            raise Invalid(f"{label} has more than {MAX_TEXT_LENGTH} digits")
        case Decimal() if not value.is_finite():
            raise Invalid(f"{label} is {value}; a job takes finite numbers")
        case Decimal() if len(value.as_tuple().digits) > MAX_TEXT_LENGTH:
            raise Invalid(f"{label} has more than {MAX_TEXT_LENGTH} digits")
        case Decimal() if abs(value.adjusted()) > MAX_TEXT_LENGTH:
            raise Invalid(
                f"{label} is {value}, which has more than {MAX_TEXT_LENGTH} digits when it is written without an exponent."
                " Arithmetic with it could stop the process; round it"
            )
        case _:
            pass
