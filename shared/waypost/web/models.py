"""Base classes and types of request and response bodies. Values that a database or a topic cannot
store are refused, because they would cause a 500.
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
"""A short name. Use `OneLine` for names that other users see."""


def _one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError(
            "must be one line with a visible character, without control characters, line separators and bidi controls, and without =?, "
            "which begins an encoded word in mails"
        )
    return text


OneLine = Annotated[Name, AfterValidator(_one_line)]
"""A name that other users see in mails and on pages: of a person, a company or a product."""

Password = Annotated[str, StringConstraints(min_length=10, max_length=256)]
_EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Far enough from the limits of `datetime` to subtract any offset."""


def _in_use(code: str) -> str:
    if code not in DECIMALS:
        raise ValueError("not a supported ISO 4217 currency (for example EUR, JPY, KWD)")
    return code


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""Any code, for queries about stored amounts, whose currency may be withdrawn by now."""
Currency = Annotated[CurrencyCode, AfterValidator(_in_use), Field(description="ISO 4217", examples=["EUR"])]
Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=LATEST)]
"""RFC 3339 with an offset."""


class RequestModel(BaseModel):
    """Base of request bodies. Refuses unknown fields, numbers beyond 64 bits, and text that is too
    long or cannot be stored.
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
    """Base of response bodies."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


def refuse_unstorable(value: Any) -> None:
    """Raises ValueError for text with a NUL or half of a surrogate pair, for a number beyond 64
    bits, and for a time that a database or a time zone cannot represent, also inside containers.
    Call it for values that clients send outside a body.
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
                raise ValueError("a time must have an offset and be between the years 1970 and 9000")
        case dict():
            refuse_unstorable([*value.keys(), *value.values()])
        case list() | tuple() | set() | frozenset():
            for item in value:
                refuse_unstorable(item)
