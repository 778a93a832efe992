"""Shapes of bodies. What a database or a topic could not hold is refused here, so that it never
becomes a 500.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from waypost.kernel.currency import DECIMALS
from waypost.kernel.text import is_one_line, is_storable

_LARGEST = 2**63 - 1  # bigint, Avro long

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A short text that names something; for what other people get to see, `OneLine`."""


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError(
            "this is one line with something to see: no control, line separator or bidi control, and no =?, "
            "which begins an encoded word in mails"
        )
    return text


OneLine = Annotated[Name, AfterValidator(_one_line)]
"""What other people get to see, in mails and on pages: names of people, companies and products."""

Password = Annotated[str, StringConstraints(min_length=10, max_length=256)]
_EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Far enough from the first and the last moment that there are for any offset to be taken off."""


def _in_use(code: str) -> str:
    if code not in DECIMALS:
        raise ValueError("this is the ISO 4217 code of no currency in which anybody pays; EUR, JPY and KWD are some")
    return code


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""For questions about what is stored: its currency may have ended since."""
Currency = Annotated[CurrencyCode, AfterValidator(_in_use), Field(description="ISO 4217", examples=["EUR"])]
Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=LATEST)]
"""RFC 3339 with an offset."""


class RequestModel(BaseModel):
    """Base of the bodies that clients send: unknown fields are refused, numbers fit 64 bits, text
    is storable and has an end.
    """

    model_config = ConfigDict(
        extra="forbid", str_max_length=10_000, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="after")
    def _storable(self) -> Self:
        for name in type(self).model_fields:
            refuse_unstorable(getattr(self, name))
        return self


class ResponseModel(BaseModel):
    """Base of the views that clients get."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


def refuse_unstorable(value: Any) -> None:
    """Raises ValueError for text with a NUL or half of a surrogate pair, for a number beyond 64
    bits, and for a moment that a database or a time zone cannot hold; also inside of containers.
    Values that clients send outside of a body need it too.
    """
    match value:
        case str():
            if not is_storable(value):
                raise ValueError("text must not contain the NUL character, or half of a surrogate pair")
        case int():
            if abs(value) > _LARGEST:
                raise ValueError("a number must fit 64 bits")
        case datetime():
            if value.tzinfo is None or not _EARLIEST <= value < LATEST:
                raise ValueError("a moment has an offset and lies between the years 1970 and 9000")
        case dict():
            refuse_unstorable([*value.keys(), *value.values()])
        case list() | tuple() | set() | frozenset():
            for each in value:
                refuse_unstorable(each)
