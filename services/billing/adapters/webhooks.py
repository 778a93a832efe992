"""The payment provider's webhooks: `Waypost-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of
"t.body">`, the same scheme as Stripe's.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.billing.adapters.responses import ProviderPayment
from services.billing.domain.errors import WebhookNotAuthentic
from services.billing.ports import WebhookDecision
from waypost.kernel.ids import TenantId

TOLERANCE = timedelta(minutes=5)
"""Accepted difference between the provider's clock and ours, in both directions. Older webhooks are
refused, so that a recorded notice cannot be replayed.
"""


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

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def read(self, signature: str, body: bytes, at: datetime) -> WebhookDecision | None:
        self._require_authentic(signature, body, at)
        try:
            subject = _Event.model_validate_json(body).data.object
        except ValidationError:
            return None  # another event type, or money that this service did not order
        origin = subject.metadata
        return WebhookDecision(
            tenant_id=TenantId(origin.tenant_id), attempt_id=origin.attempt_id, decision=subject.decision
        )

    def _require_authentic(self, signature: str, body: bytes, at: datetime) -> None:
        parts = dict(part.partition("=")[::2] for part in signature.split(","))
        signed_at, received = parts.get("t", ""), parts.get("v1", "")
        expected = hmac.new(self._secret, f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        # Compare bytes: `compare_digest` raises for text that is not ASCII.
        if not hmac.compare_digest(expected.encode(), received.encode()):
            raise WebhookNotAuthentic
        # Parse the time only after its signature is verified.
        if not signed_at.isdecimal() or abs(at.timestamp() - int(signed_at)) > TOLERANCE.total_seconds():
            raise WebhookNotAuthentic
