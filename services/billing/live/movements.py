"""What the live view makes of an invoice's events: an amount that came, did not come or went back,
at some time.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schemas.billing import InvoicePaid, InvoicePaymentFailed, InvoiceRefunded
from waypost.kernel.event import Event


class Kind(StrEnum):
    PAID = "paid"
    FAILED = "failed"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    kind: Kind
    tenant_id: UUID
    invoice_id: UUID
    amount_minor: int
    currency: str
    at: datetime
    """When it happened, whenever it is read: this decides its windows."""

    @property
    def books(self) -> str:
        """Whose totals it belongs to: one tenant's in one currency."""
        return f"{self.tenant_id}/{self.currency}"


def movement_of(event: Event) -> Movement:
    """Raises TypeError for an event that moved nothing."""
    match event:
        case InvoicePaid(paid_at=at):
            kind = Kind.PAID
        case InvoicePaymentFailed(failed_at=at):
            kind = Kind.FAILED
        case InvoiceRefunded(refunded_at=at):
            kind = Kind.REFUNDED
        case _:
            raise TypeError(f"{event.type} moves no money")
    return Movement(
        kind=kind,
        tenant_id=event.tenant_id,
        invoice_id=event.invoice_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        at=at,
    )


PAYMENT_EVENTS: frozenset[type[Event]] = frozenset({InvoicePaid, InvoicePaymentFailed, InvoiceRefunded})
