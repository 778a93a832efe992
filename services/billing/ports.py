"""What this service needs of the outside: a payment provider, and what the team sells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.billing.domain import Plan
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money


class OutcomeUnknown(Transient):
    """The provider may have done it or not: it has to be asked by the key before anything else
    happens.
    """


class ProviderUnavailable(Transient):
    """The payment provider cannot be reached; it was asked for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One movement of money as the provider is asked for it: equal on every try of one attempt, or
    the provider refuses the key.
    """

    idempotency_key: str
    amount: Money
    tenant_id: TenantId
    invoice_id: UUID
    attempt_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOrder(Order):
    token: str | None = field(repr=False)
    """The provider's name for the card; None where it was taken off the customer meanwhile: then it
    can only be looked up.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder(Order):
    charge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The provider moved the money."""

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The provider definitely did not and, under this key, never will."""

    reason: str
    provider_id: str | None = None


Decision = Succeeded | Declined


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    brand: str
    last4: str = field(repr=False)


class Payments(Protocol):
    async def execute(self, order: ChargeOrder | RefundOrder) -> Decision:
        """Moves the money at most once per key, however often it is called. Raises OutcomeUnknown,
        ProviderUnavailable.
        """
        ...

    async def find(self, order: ChargeOrder | RefundOrder) -> Decision | None:
        """What was decided under the order's key, None where nothing was (yet). Raises
        ProviderUnavailable.
        """
        ...

    async def card(self, token: str) -> Card:
        """What is behind a payment method's token. Raises PaymentMethodUnknown,
        ProviderUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the provider tells of one attempt by itself."""

    tenant_id: TenantId
    attempt_id: UUID
    decision: Decision


class Notices(Protocol):
    def read(self, signature: str, body: bytes, at: datetime) -> Notice | None:
        """The notice; None where it tells nothing about an attempt of ours. Raises
        WebhookNotAuthentic.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What routes find at `here.resources`, and jobs at `JobContext.resources`."""

    payments: Payments
    notices: Notices
    plans: Sequence[Plan]
    """What can be subscribed to."""
