"""A line of an invoice."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from schemas.billing import InvoiceLineAdded
from services.billing.domain.errors import TotalTooLarge
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

    @classmethod
    def of(cls, event: InvoiceLineAdded) -> Self:
        return cls(
            id=event.line_id,
            description=event.description,
            quantity=event.quantity,
            unit_amount_minor=event.unit_amount_minor,
            amount_minor=event.amount_minor,
        )


def require_in_bounds(total: Money) -> None:
    """Raises TotalTooLarge."""
    if total.amount_minor > MAX_TOTAL_MINOR:
        raise TotalTooLarge
