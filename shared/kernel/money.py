"""Money is whole minor units of one ISO 4217 currency; never a float."""

import re
from dataclasses import dataclass

from shared.kernel.errors import Invalid

_CURRENCY = re.compile(r"[A-Z]{3}")
_LIMIT = 2**63 - 1  # what a PostgreSQL bigint and an Avro long hold


@dataclass(frozen=True, slots=True, order=False)
class Money:
    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise Invalid(f"{self.currency!r} is not an ISO 4217 currency code", currency=self.currency)
        if abs(self.amount_minor) > _LIMIT:
            raise Invalid("the amount does not fit 64 bits", amount_minor=self.amount_minor)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same_currency(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same_currency(other), self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.amount_minor * quantity, self.currency)

    def __str__(self) -> str:
        """For people: two decimals. Templates of currencies with other exponents format for themselves."""
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{abs(self.amount_minor) // 100}.{abs(self.amount_minor) % 100:02} {self.currency}"

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    def _same_currency(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise Invalid(f"cannot mix {self.currency} and {other.currency}")
        return other.amount_minor
