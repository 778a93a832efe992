"""One parameter of a job's handler: the type that its annotation names, and that type's form in
JSON.
"""

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

LONGEST_TEXT = 1_000
"""Characters of a str, digits of an int or a Decimal. A longer value is stored, and its id passed.
"""
LONGEST_LIST = 1_000
"""Elements."""

_FROM_TEXT: Mapping[type, Callable[[str], Scalar]] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}
"""Of the kinds that JSON holds as text."""

_KINDS = (str, int, bool, *_FROM_TEXT)
_TAKES = "a job takes str, int, bool, UUID, datetime, date and Decimal, and lists of these"
_INSTEAD: Mapping[Any, str] = {
    float: "A float is rounded: pass a Decimal, or money as integer minor units",
    dict: "Name each entry as a parameter of its own",
    list: "Say what the list holds: list[UUID]",
    tuple: "Annotate it as a list",
    set: "Annotate it as a list",
    Sequence: "Annotate it as a list",
    UnionType: "Name one type; a list holds no None",
    Union: "Name one type; a list holds no None",
}
_THE_ID = "Pass the id of a thing and read it again when the job runs"


@dataclass(frozen=True, slots=True)
class Parameter:
    kind: type
    """Of the value, or of a list's elements."""
    nullable: bool
    required: bool
    many: bool = False
    """Whether it is a list."""

    @property
    def type_name(self) -> str:
        return f"list[{self.kind.__name__}]" if self.many else self.kind.__name__

    def to_json(self, what: str, value: JobArgument) -> JsonArgument:
        """Raises Invalid, which names `what`, for a value of another type, and for one that cannot
        be stored.
        """
        if value is None and self.nullable:
            return None
        if not self.many:
            return self._scalar_to_json(what, value)
        if not isinstance(value, list):
            raise Invalid(f"{what} takes {self.type_name}, not {type(value).__name__}")
        if len(value) > LONGEST_LIST:
            raise Invalid(
                f"{what} has more than {LONGEST_LIST} elements. Store them, and pass the id, or enqueue several jobs"
            )
        return [self._scalar_to_json(f"{what}[{place}]", each) for place, each in enumerate(value)]

    def from_json(self, stored: JsonArgument) -> JobArgument:
        """Raises ValueError or ArithmeticError for text that the kind cannot read.

        A value of another JSON type is returned as it is, for `to_json` to refuse.
        """
        return [self._restore(each) for each in stored] if isinstance(stored, list) else self._restore(stored)

    def from_text(self, typed: JsonArgument) -> JobArgument:
        """What a person typed. Raises ValueError, KeyError or ArithmeticError for text that the
        type cannot read.
        """
        given = json.loads(typed) if self.many and isinstance(typed, str) else typed
        return [self._read(each) for each in given] if isinstance(given, list) else self._read(given)

    def _restore(self, stored: JsonScalar) -> Scalar:
        read = _FROM_TEXT.get(self.kind)
        return read(stored) if read is not None and isinstance(stored, str) else stored

    def _read(self, typed: JsonScalar) -> Scalar:
        if isinstance(typed, str) and self.kind is bool:
            return {"true": True, "false": False}[typed]
        return int(typed) if isinstance(typed, str) and self.kind is int else self._restore(typed)

    def _fits(self, value: object) -> bool:
        """Python calls a bool an int, and a datetime a date; a job does not."""
        if (self.kind is int and isinstance(value, bool)) or (self.kind is date and isinstance(value, datetime)):
            return False
        return isinstance(value, self.kind)

    def _scalar_to_json(self, what: str, value: object) -> JsonScalar:
        if not self._fits(value):
            raise Invalid(
                f"{what} takes {self.kind.__name__}, not {type(value).__name__}. Pass ids and scalars;"
                " the job reads the rest again when it runs"
            )
        _refuse_unstorable(what, value)
        if isinstance(value, datetime | date):
            return value.isoformat()
        return str(value) if isinstance(value, UUID | Decimal) else value  # type: ignore[return-value]  # one of the kinds


def parameter_of(what: str, hint: Any, *, required: bool) -> Parameter:
    """Raises Misconfigured, which names `what`, for an annotation that is none of a job's types."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    present = [each for each in members if each is not NoneType]
    (inner,) = present if len(present) == 1 else (hint,)
    many = get_origin(inner) is list
    kind = _plain(get_args(inner)[0]) if many else _plain(inner)
    if kind not in _KINDS:
        shape = get_origin(kind) or kind
        advice = "A list holds scalars, not lists" if many and shape is list else _INSTEAD.get(shape, _THE_ID)
        raise Misconfigured(f"{what} is {hint}; {_TAKES}. {advice}")
    return Parameter(kind, NoneType in members, required, many)


def _plain(hint: Any) -> Any:
    """The type below a NewType."""
    return getattr(hint, "__supertype__", hint)


def _refuse_unstorable(what: str, value: object) -> None:
    match value:
        case str() if len(value) > LONGEST_TEXT:
            raise Invalid(f"{what} is longer than {LONGEST_TEXT} characters. Store it, and pass its id")
        case str() if not is_storable(value):
            raise Invalid(f"{what} holds a NUL or half a surrogate pair, which PostgreSQL stores in no text")
        case datetime() if value.tzinfo is None:
            raise Invalid(f"{what} has no time zone; times are aware")
        case int() if abs(value) >= 10**LONGEST_TEXT:
            raise Invalid(f"{what} has more than {LONGEST_TEXT} digits")
        case Decimal() if not value.is_finite():
            raise Invalid(f"{what} is {value}; a job takes finite numbers")
        case Decimal() if len(value.as_tuple().digits) > LONGEST_TEXT:
            raise Invalid(f"{what} has more than {LONGEST_TEXT} digits")
        case _:
            pass
