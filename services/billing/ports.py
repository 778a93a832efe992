"""The service's ports: the payment provider, and the plans."""

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
    """The provider may have executed the order: look it up by its key before anything else."""


class ProviderUnavailable(Transient):
    """The payment provider cannot be reached; nothing was requested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One charge or refund as it is sent to the provider. It is equal on each retry of one attempt;
    otherwise the provider refuses the key.
    """

    idempotency_key: str
    amount: Money
    tenant_id: TenantId
    invoice_id: UUID
    attempt_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOrder(Order):
    token: str | None = field(repr=False)
    """The provider's token for the card; None if the card was removed meanwhile: the charge can
    then only be looked up.
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
    """The provider did not move the money and, under this key, never will."""

    reason: str
    provider_id: str | None = None


Decision = Succeeded | Declined


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    token: str = field(repr=False)
    """The provider's token for the attached card."""
    brand: str
    last4: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOwner:
    """One customer of one tenant, as the provider knows it."""

    tenant_id: UUID
    customer_id: UUID

    @property
    def reference(self) -> str:
        return f"{self.tenant_id}/{self.customer_id}"


class Payments(Protocol):
    async def execute(self, order: ChargeOrder | RefundOrder) -> Decision:
        """Moves the money at most once per key, also when it is called repeatedly. Raises
        OutcomeUnknown, ProviderUnavailable.
        """
        ...

    async def find(self, order: ChargeOrder | RefundOrder) -> Decision | None:
        """The decision under the order's key, or None if there is none (yet). Raises
        ProviderUnavailable.
        """
        ...

    async def attach(self, token: str, owner: CardOwner) -> Card:
        """Makes `owner` the only one who can use the card with this token. A repeated call returns
        the same card. Raises PaymentMethodUnknown, PaymentMethodTaken, ProviderUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDecision:
    """A webhook's decision about one attempt."""

    tenant_id: TenantId
    attempt_id: UUID
    decision: Decision


class WebhookReader(Protocol):
    def read(self, signature: str, body: bytes, at: datetime) -> WebhookDecision | None:
        """The decision, or None if it does not concern an attempt of this service. Raises
        WebhookNotAuthentic.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources of routes (`context.resources`) and jobs (`JobContext.resources`)."""

    payments: Payments
    webhook_reader: WebhookReader
    plans: Sequence[Plan]
    """The plans that customers can subscribe to."""
