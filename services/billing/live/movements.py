"""Money movements, derived from invoice events: an amount that was paid, failed or refunded."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from schemas.billing import InvoicePaid, InvoicePaymentFailed, InvoiceRefunded
from waypost.kernel.event import Event


class MovementKind(StrEnum):
    PAID = "paid"
    FAILED = "failed"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyMovement:
    kind: MovementKind
    tenant_id: UUID
    invoice_id: UUID
    amount_minor: int
    currency: str
    at: datetime
    """The time of the movement, independent of when its record is read; determines the windows."""

    @property
    def totals_key(self) -> str:
        """The key of its totals: one tenant in one currency."""
        return f"{self.tenant_id}/{self.currency}"


def movement_of(event: Event) -> MoneyMovement:
    """The money movement of an event. Raises TypeError for an event without a movement."""
    match event:
        case InvoicePaid(paid_at=at):
            kind = MovementKind.PAID
        case InvoicePaymentFailed(failed_at=at):
            kind = MovementKind.FAILED
        case InvoiceRefunded(refunded_at=at):
            kind = MovementKind.REFUNDED
        case _:
            raise TypeError(f"{event.type} moves no money")
    return MoneyMovement(
        kind=kind,
        tenant_id=event.tenant_id,
        invoice_id=event.invoice_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        at=at,
    )


PAYMENT_EVENTS: frozenset[type[Event]] = frozenset({InvoicePaid, InvoicePaymentFailed, InvoiceRefunded})
