"""The payment provider's webhooks, signed in the header `Waypost-Signature`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.billing.adapters.responses import ProviderPayment
from services.billing.adapters.webhook_signature import WebhookSignatures
from services.billing.ports import WebhookDecision
from waypost.kernel.ids import TenantId


class _Origin(BaseModel):
    tenant_id: UUID
    attempt_id: UUID


class _Subject(ProviderPayment):
    metadata: _Origin


class _Data(BaseModel):
    object: _Subject


class _Event(BaseModel):
    type: Literal["charge.succeeded", "charge.failed", "refund.succeeded"]
    data: _Data


class SignedWebhookReader:
    """Implements `services.billing.ports.WebhookReader`."""

    def __init__(self, *secrets: str) -> None:
        self._signatures = WebhookSignatures(*secrets)

    def read(self, signature: str, body: bytes, at: datetime) -> WebhookDecision | None:
        self._signatures.require_authentic(signature, body, at)
        try:
            subject = _Event.model_validate_json(body).data.object
        except ValidationError:
            return None  # another event type, or money that this service did not order
        origin = subject.metadata
        return WebhookDecision(
            tenant_id=TenantId(origin.tenant_id), attempt_id=origin.attempt_id, decision=subject.decision
        )
