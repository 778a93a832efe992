"""Attempts to charge or refund. Each row is committed before the provider is asked, so that each
decision finds its attempt.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from waypost.kernel.money import Money

FORGOTTEN_AFTER = timedelta(hours=20)
"""Providers forget idempotency keys after a day: an attempt of this age must not be sent again
under its key.
"""

RESOLVED_AFTER = timedelta(minutes=2)
"""Age at which the sweep takes over an attempt from the attempt's own job."""


NO_PAYMENT_METHOD = "no_payment_method"
"""Why a charge is declined without a request: the customer has no card."""


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
    """The number of the attempt among the invoice's attempts of this kind, from 1."""
    idempotency_key: str
    amount: Money
    status: AttemptStatus
    payment_method_id: UUID | None
    """The card of a charge."""
    charge_id: str | None
    """The provider's id of the charge that a refund refers to."""
    reason: str | None
    """Why a charge was refused, or why a refund was requested."""
    created_at: datetime
    provider_id: str | None = None
    """The provider's id of this charge or refund."""
    failure: str | None = None
    """Why a refund failed."""
    actor_id: UUID | None = None
    """The user who requested a refund; None for charges, and for refunds made at the provider."""
    settled_at: datetime | None = None

    @property
    def is_pending(self) -> bool:
        return self.status is AttemptStatus.PENDING

    def is_forgotten(self, now: datetime) -> bool:
        """Whether the provider may have forgotten the key."""
        return now - self.created_at >= FORGOTTEN_AFTER


def charge_key(invoice_id: UUID, attempt: int) -> str:
    """The idempotency key of an invoice's charge at the provider: the same for each request of one
    attempt, different for the next attempt.
    """
    return f"inv-{invoice_id}" if attempt == 1 else f"inv-{invoice_id}-{attempt}"


def refund_key(refund_id: UUID) -> str:
    return f"ref-{refund_id}"


def provider_refund_key(provider_id: str) -> str:
    """The key of a refund that was made at the provider, which we never request."""
    return f"provider-{provider_id}"


def stray_refund_key(stray_id: UUID) -> str:
    """The key of the one automatic refund of a stray payment."""
    return f"stray-{stray_id}"
