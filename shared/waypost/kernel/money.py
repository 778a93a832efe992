"""Money is whole minor units of one ISO 4217 currency; never a float."""

import re
from dataclasses import dataclass

from waypost.kernel.currency import DECIMALS
from waypost.kernel.errors import Invalid

_CURRENCY = re.compile(r"[A-Z]{3}")
_USUAL_DECIMALS = 2
"""Decimals of a currency that has ended, to display stored amounts."""
_LIMIT = 2**63 - 1  # the range of a PostgreSQL bigint and an Avro long


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in any currency code; `known_currency` validates requests."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise Invalid(f"{self.currency!r} is not a currency code", currency=self.currency)
        if abs(self.amount_minor) > _LIMIT:
            raise Invalid("the amount does not fit 64 bits", amount_minor=self.amount_minor)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same_currency(other), self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.amount_minor * quantity, self.currency)

    def __str__(self) -> str:
        """For display: `1,234.50 EUR`, with the currency's decimals."""
        decimals = DECIMALS.get(self.currency, _USUAL_DECIMALS)
        whole, rest = divmod(abs(self.amount_minor), 10**decimals)
        fraction = f".{rest:0{decimals}}" if decimals else ""
        return f"{'-' if self.amount_minor < 0 else ''}{whole:,}{fraction} {self.currency}"

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    def _same_currency(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise Invalid(f"cannot mix {self.currency} and {other.currency}")
        return other.amount_minor
