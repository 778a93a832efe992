"""Attempts at moving money. Each is a row that is committed before the provider is asked, so that
no answer is ever without a question.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from waypost.kernel.money import Money

FORGOTTEN_AFTER = timedelta(hours=20)
"""Providers forget idempotency keys after a day: a question this old must not be asked again under
its key.
"""

RESOLVED_AFTER = timedelta(minutes=2)
"""How long an attempt is its own job's business before the sweep takes it up."""


class AttemptKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"


class AttemptStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentAttempt:
    id: UUID
    invoice_id: UUID
    kind: AttemptKind
    number: int
    """Counts the invoice's attempts of this kind, from 1."""
    idempotency_key: str
    amount: Money
    status: AttemptStatus
    payment_method_id: UUID | None
    """The card of a charge."""
    charge_id: str | None
    """The provider's name for the charge that a refund gives back."""
    reason: str | None
    created_at: datetime

    @property
    def is_pending(self) -> bool:
        return self.status is AttemptStatus.PENDING

    def is_forgotten(self, now: datetime) -> bool:
        """Whether the provider may have forgotten the key."""
        return now - self.created_at >= FORGOTTEN_AFTER


def charge_key(invoice_id: UUID, attempt: int) -> str:
    """The provider's idempotency key of an invoice's charge: the same on every try of one attempt,
    another for the next.
    """
    return f"inv-{invoice_id}" if attempt == 1 else f"inv-{invoice_id}-{attempt}"


def refund_key(refund_id: UUID) -> str:
    return f"ref-{refund_id}"
