"""A line of an invoice."""

from dataclasses import dataclass
from typing import Self, TypedDict
from uuid import UUID

from schemas.billing import InvoiceLineAdded
from services.billing.domain.errors import TotalTooLarge
from services.billing.domain.tax import LineTax, TaxRate
from waypost.kernel.money import Money

MAX_LINES = 500
"""Limit per invoice: an invoice is read as a whole."""
MAX_TOTAL_MINOR = 10**15
"""Limit per invoice. Sums over thousands of the largest invoices still fit 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    id: UUID
    description: str
    quantity: int
    unit_amount_minor: int
    amount_minor: int
    """The line's part of the total, with its tax."""
    tax: LineTax | None = None

    @property
    def tax_minor(self) -> int:
        return self.tax.tax_minor if self.tax else 0

    @property
    def net_minor(self) -> int:
        return self.amount_minor - self.tax_minor

    @property
    def priced_minor(self) -> int:
        """Quantity multiplied by the price per unit, with the tax of an inclusive rate."""
        return self.quantity * self.unit_amount_minor

    @classmethod
    def of(cls, event: InvoiceLineAdded) -> Self:
        return cls(
            id=event.line_id,
            description=event.description,
            quantity=event.quantity,
            unit_amount_minor=event.unit_amount_minor,
            amount_minor=event.amount_minor,
            tax=tax_of(event),
        )


class RateCopy(TypedDict, total=False):
    """The fields of a rate in the event of a line."""

    tax_rate_id: UUID
    tax_name: str
    tax_rate_ppm: int
    tax_inclusive: bool


def copy_of(rate: TaxRate | None) -> RateCopy:
    """Copied, so that a later change of the tenant's rates never changes an invoice."""
    if rate is None:
        return {}
    return {"tax_rate_id": rate.id, "tax_name": rate.name, "tax_rate_ppm": rate.ppm, "tax_inclusive": rate.inclusive}


def tax_of(event: InvoiceLineAdded) -> LineTax | None:
    """None for a line without a rate, and for a line from before there were rates."""
    if event.tax_rate_id is None:
        return None
    return LineTax(
        rate_id=event.tax_rate_id,
        name=event.tax_name,
        ppm=event.tax_rate_ppm,
        inclusive=event.tax_inclusive,
        tax_minor=event.tax_minor,
    )


def require_in_bounds(total: Money) -> None:
    """Raises TotalTooLarge."""
    if total.amount_minor > MAX_TOTAL_MINOR:
        raise TotalTooLarge
