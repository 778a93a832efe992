"""The payment provider's webhooks: `Waypost-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of
"t.body">`, the scheme of Stripe's.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.billing.adapters.responses import Movement
from services.billing.domain.errors import WebhookNotAuthentic
from services.billing.ports import Notice
from waypost.kernel.ids import TenantId

TOLERANCE = timedelta(minutes=5)
"""Between the provider's clock and ours, either way. An old notice that somebody kept and sends
again is not believed.
"""


class _Origin(BaseModel):
    tenant_id: UUID
    attempt_id: UUID


class _Subject(Movement):
    metadata: _Origin


class _Data(BaseModel):
    object: _Subject


class _Event(BaseModel):
    type: Literal["charge.succeeded", "charge.failed", "refund.succeeded"]
    data: _Data


class SignedNotices:
    """`services.billing.ports.Notices`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def read(self, signature: str, body: bytes, at: datetime) -> Notice | None:
        self._require_authentic(signature, body, at)
        try:
            subject = _Event.model_validate_json(body).data.object
        except ValidationError:
            return None  # another type of event, or money that moved without us
        origin = subject.metadata
        return Notice(tenant_id=TenantId(origin.tenant_id), attempt_id=origin.attempt_id, decision=subject.decision)

    def _require_authentic(self, signature: str, body: bytes, at: datetime) -> None:
        parts = dict(part.partition("=")[::2] for part in signature.split(","))
        signed_at, received = parts.get("t", ""), parts.get("v1", "")
        expected = hmac.new(self._secret, f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        # As bytes: text that is not ASCII would be an error rather than another signature.
        if not hmac.compare_digest(expected.encode(), received.encode()):
            raise WebhookNotAuthentic
        # Only what was signed is read as a number.
        if not signed_at.isdecimal() or abs(at.timestamp() - int(signed_at)) > TOLERANCE.total_seconds():
            raise WebhookNotAuthentic
