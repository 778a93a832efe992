"""The bodies of webhooks. They hold ids, versions, amounts, codes and times: no personal data and
no text of a person, so that an erasure has nothing to find in them.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.billing import (
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
from schemas.users import (
    UserCreated,
    UserEmailVerified,
    UserErased,
    UserReactivated,
    UserRoleChanged,
    UserSuspended,
)
from services.notifications.domain.webhook_catalogue import TEST_EVENT
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event

_INVOICE = ("customer_id", "number", "currency")
_ATTEMPT = (*_INVOICE, "amount_minor", "attempt")
_SUBSCRIPTION = ("customer_id",)
_PRICE = (*_SUBSCRIPTION, "plan", "interval", "amount_minor", "currency")

FIELDS: Mapping[type[Event], tuple[str, ...]] = {
    UserCreated: ("role",),
    UserEmailVerified: (),
    UserRoleChanged: ("role", "previous_role"),
    UserSuspended: ("reason",),
    UserReactivated: (),
    UserErased: (),
    InvoiceFinalized: (*_INVOICE, "total_minor", "due_at"),
    InvoicePaid: _ATTEMPT,
    InvoicePaymentFailed: (*_ATTEMPT, "next_attempt_at"),
    InvoiceMarkedUncollectible: (*_INVOICE, "total_minor"),
    InvoiceVoided: (*_INVOICE, "total_minor"),
    InvoiceRefunded: (*_INVOICE, "refund_id", "amount_minor"),
    InvoiceRefundFailed: (*_INVOICE, "refund_id", "amount_minor"),
    SubscriptionCreated: (*_PRICE, "invoice_id", "period_start", "period_end", "trial_end"),
    SubscriptionRenewed: (*_PRICE, "invoice_id", "period_start", "period_end", "status"),
    SubscriptionPlanChanged: (*_PRICE, "previous_plan", "effective_at"),
    SubscriptionPastDue: (*_SUBSCRIPTION, "invoice_id", "status"),
    SubscriptionCaughtUp: (*_SUBSCRIPTION, "invoice_id", "status"),
    SubscriptionCancellationScheduled: (*_SUBSCRIPTION, "cancel_at"),
    SubscriptionCancellationRevoked: _SUBSCRIPTION,
    SubscriptionCanceled: (*_SUBSCRIPTION, "ends_at"),
}
"""The published fields of each event. A field of an event that is not listed is never sent. Reasons
of the payment provider are left out: they may be free text.
"""

_STATUS: Mapping[type[Event], str] = {
    UserSuspended: "suspended",
    UserReactivated: "active",
    UserErased: "erased",
    InvoiceFinalized: "open",
    InvoicePaid: "paid",
    InvoiceMarkedUncollectible: "uncollectible",
    InvoiceVoided: "void",
    SubscriptionCanceled: "canceled",
}
"""The status of the object after the event, where the event alone decides it."""


def body_of(envelope: Envelope[Event]) -> str:
    """The body of the webhook of an event, as it is signed and sent."""
    event = envelope.event
    data: dict[str, Any] = {
        "tenant_id": envelope.tenant_id,
        "object": event.type.partition(".")[0],
        "id": envelope.aggregate_id,
        "version": envelope.aggregate_version,
        **{name: getattr(event, name) for name in FIELDS[type(event)]},
    }
    if type(event) in _STATUS:
        data["status"] = _STATUS[type(event)]
    return _body(event.type, envelope.occurred_at, data)


def test_body(tenant_id: UUID, endpoint_id: UUID, at: datetime) -> str:
    data = {"tenant_id": tenant_id, "object": "webhook_endpoint", "id": endpoint_id, "version": 1}
    return _body(TEST_EVENT, at, data)


def _body(event_type: str, at: datetime, data: Mapping[str, Any]) -> str:
    body = {"type": event_type, "timestamp": at, "data": data}
    return json.dumps(body, default=_text, separators=(",", ":"), ensure_ascii=True)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a value of a webhook")
