"""The service's ports: the payment provider, and the plans."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.billing.domain import AttemptKind, Plan
from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.domain.document import InvoiceDocument
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
class Reported:
    """The order as the provider reports it: compared with the attempt before it is recorded."""

    kind: AttemptKind
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The provider moved the money."""

    provider_id: str
    reported: Reported | None = None
    """Present in each response and webhook of the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The provider did not move the money and, under this key, never will."""

    reason: str
    provider_id: str | None = None
    reported: Reported | None = None
    """None if the response has no charge or refund, only an error."""


Decision = Succeeded | Declined

UNEXPLAINED = "declined"
"""The reason of a failure for which the provider gives none."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCharge:
    """A successful charge in the provider's list."""

    id: str
    amount: Money
    refunded_minor: int
    """Sum of its successful refunds."""
    created_at: datetime
    attempt_id: UUID | None
    """From the metadata of our own orders."""

    @property
    def net_minor(self) -> int:
        """The charged amount without refunds."""
        return self.amount.amount_minor - self.refunded_minor


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

    async def charges(self, tenant_id: TenantId, since: datetime) -> Sequence[ProviderCharge]:
        """The tenant's successful charges that were created from `since` on. Raises
        ProviderUnavailable.
        """
        ...

    async def attach(self, token: str, owner: CardOwner) -> Card:
        """Makes `owner` the only one who can use the card with this token. A repeated call returns
        the same card. Raises PaymentMethodUnknown, PaymentMethodTaken, ProviderUnavailable.
        """
        ...


class NoticeKind(StrEnum):
    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"


class NoticeOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OPENED = "opened"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNotice:
    """A webhook about money: a charge, a refund, or a dispute of a charge."""

    kind: NoticeKind
    outcome: NoticeOutcome
    provider_id: str
    charge_id: str
    """The charge itself, or the one that a refund or a dispute refers to."""
    amount: Money
    reason: str | None
    """Why a payment failed, or was disputed."""
    tenant_id: TenantId | None
    attempt_id: UUID | None
    """Both from the metadata of our own orders; None for what was made at the provider."""
    created_at: datetime | None = None
    """When the provider made the notice: the same each time it is sent. None if it names no
    time.
    """

    def may_be_early(self, now: datetime) -> bool:
        """Whether the charge of a refund or dispute may still be recorded. Notices arrive in any
        order, and a charge is recorded or abandoned before the provider forgets its key. The charge
        is older than the notice about it.
        """
        if self.kind is NoticeKind.CHARGE or self.created_at is None:
            return False
        return abs(now - self.created_at) < FORGOTTEN_AFTER

    @property
    def failure(self) -> str:
        """Why a payment failed, also if the provider does not say."""
        return self.reason or UNEXPLAINED

    @property
    def decision(self) -> Decision:
        """The decision about the attempt of a charge or a refund."""
        kind = AttemptKind.CHARGE if self.kind is NoticeKind.CHARGE else AttemptKind.REFUND
        reported = Reported(kind=kind, amount=self.amount)
        if self.outcome is NoticeOutcome.SUCCEEDED:
            return Succeeded(provider_id=self.provider_id, reported=reported)
        return Declined(reason=self.failure, provider_id=self.provider_id, reported=reported)


class WebhookReader(Protocol):
    def read(self, signature: str, body: bytes, at: datetime) -> ProviderNotice | None:
        """The notice, or None for an event that is not about a charge, a refund or a dispute.
        Raises WebhookNotAuthentic.
        """
        ...


class InvoiceDocuments(Protocol):
    async def pdf(self, document: InvoiceDocument) -> bytes:
        """The same bytes for an equal document. Does not block the event loop. Raises Unavailable
        while too many documents wait, and Conflict for a document that cannot be drawn.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources of routes (`context.resources`) and jobs (`JobContext.resources`)."""

    payments: Payments
    webhook_reader: WebhookReader
    plans: Sequence[Plan]
    """The plans that customers can subscribe to."""
    documents: InvoiceDocuments
