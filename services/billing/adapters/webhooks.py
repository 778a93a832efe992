"""The payment provider's webhooks, signed in the header `Waypost-Signature`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from services.billing.adapters.responses import ProviderMoney, ProviderPayment
from services.billing.adapters.webhook_signature import WebhookSignatures
from services.billing.ports import NoticeKind, NoticeOutcome, ProviderNotice
from waypost.kernel.ids import TenantId


class _Origin(BaseModel):
    """The metadata of our orders."""

    tenant_id: UUID
    attempt_id: UUID


class _Payment(ProviderPayment):
    charge: str | None = None
    metadata: Mapping[str, str] = {}


class _Dispute(ProviderMoney):
    charge: str
    status: str
    reason: str | None = None


class _PaymentData(BaseModel):
    object: _Payment


class _DisputeData(BaseModel):
    object: _Dispute


_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class _NoticeEvent(BaseModel):
    created_at: object = None

    @property
    def made_at(self) -> datetime | None:
        """None without a time that can be read: the rest of the notice counts all the same."""
        try:
            return _TIME.validate_python(self.created_at)
        except ValidationError:
            return None


class _PaymentEvent(_NoticeEvent):
    type: Literal["charge.succeeded", "charge.failed", "refund.succeeded", "refund.failed"]
    data: _PaymentData


class _DisputeEvent(_NoticeEvent):
    type: Literal["charge.dispute.created", "charge.dispute.closed"]
    data: _DisputeData


_Event: TypeAdapter[_PaymentEvent | _DisputeEvent] = TypeAdapter(
    Annotated[_PaymentEvent | _DisputeEvent, Field(discriminator="type")]
)


class SignedWebhookReader:
    """Implements `services.billing.ports.WebhookReader`."""

    def __init__(self, *secrets: str) -> None:
        self._signatures = WebhookSignatures(*secrets)

    def read(self, signature: str, body: bytes, at: datetime) -> ProviderNotice | None:
        self._signatures.require_authentic(signature, body, at)
        try:
            event = _Event.validate_json(body)
        except ValidationError:
            return None  # another type of event, or one without an amount
        return _payment(event) if isinstance(event, _PaymentEvent) else _dispute(event)


def _payment(event: _PaymentEvent) -> ProviderNotice:
    payment = event.data.object
    kind = NoticeKind(payment.object)
    origin = _origin(payment.metadata)
    return ProviderNotice(
        kind=kind,
        outcome=NoticeOutcome(payment.status),
        provider_id=payment.id,
        charge_id=payment.id if kind is NoticeKind.CHARGE else payment.charge or "",
        amount=payment.amount,
        reason=payment.failure_code,
        tenant_id=TenantId(origin.tenant_id) if origin else None,
        attempt_id=origin.attempt_id if origin else None,
        created_at=event.made_at,
    )


def _origin(metadata: Mapping[str, str]) -> _Origin | None:
    try:
        return _Origin.model_validate(metadata)
    except ValidationError:
        return None


def _dispute(event: _DisputeEvent) -> ProviderNotice:
    dispute = event.data.object
    closed = NoticeOutcome.WON if dispute.status == "won" else NoticeOutcome.LOST
    return ProviderNotice(
        kind=NoticeKind.DISPUTE,
        outcome=NoticeOutcome.OPENED if event.type == "charge.dispute.created" else closed,
        provider_id=dispute.id,
        charge_id=dispute.charge,
        amount=dispute.amount,
        reason=dispute.reason,
        tenant_id=None,
        attempt_id=None,
        created_at=event.made_at,
    )
