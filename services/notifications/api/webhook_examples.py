"""An example of the body of each webhook: the published shape. A test keeps bodies and examples
equal.
"""

from collections.abc import Mapping
from typing import Any

from services.notifications.domain.webhook_catalogue import WebhookEventType

_TIME = "2026-03-31T09:30:00.000Z"
_TENANT, _ID, _CUSTOMER, _OTHER = (f"01a21327-343b-78b8-828e-29818cbf21{number}" for number in ("70", "71", "72", "73"))


def _example(of: WebhookEventType, version: int, **data: Any) -> Mapping[str, Any]:
    common = {"tenant_id": _TENANT, "object": of.partition(".")[0], "id": _ID, "version": version}
    return {"type": of.value, "timestamp": _TIME, "data": {**common, **data}}


_INVOICE: Mapping[str, Any] = {"customer_id": _CUSTOMER, "number": 17, "currency": "EUR"}
_ATTEMPT: Mapping[str, Any] = {**_INVOICE, "amount_minor": 4900, "attempt": 1}
_PRICE: Mapping[str, Any] = {
    "customer_id": _CUSTOMER,
    "plan": "basic-monthly",
    "interval": "month",
    "amount_minor": 4900,
    "currency": "EUR",
}
_PERIOD = {"invoice_id": _OTHER, "period_start": _TIME, "period_end": _TIME}
_T = WebhookEventType

EXAMPLES: Mapping[WebhookEventType, Mapping[str, Any]] = {
    example["type"]: example
    for example in (
        _example(_T.USER_CREATED, 1, role="member"),
        _example(_T.USER_EMAIL_VERIFIED, 2),
        _example(_T.USER_ROLE_CHANGED, 3, role="admin", previous_role="member"),
        _example(_T.USER_SUSPENDED, 4, reason="administrator", status="suspended"),
        _example(_T.USER_REACTIVATED, 5, status="active"),
        _example(_T.USER_ERASED, 6, status="erased"),
        _example(_T.INVOICE_FINALIZED, 3, **_INVOICE, total_minor=4900, due_at=_TIME, status="open"),
        _example(_T.INVOICE_PAID, 4, **_ATTEMPT, status="paid"),
        _example(_T.INVOICE_PAYMENT_FAILED, 4, **_ATTEMPT, next_attempt_at=_TIME),
        _example(_T.INVOICE_MARKED_UNCOLLECTIBLE, 8, **_INVOICE, total_minor=4900, status="uncollectible"),
        _example(_T.INVOICE_VOIDED, 4, **_INVOICE, total_minor=4900, status="void"),
        _example(_T.INVOICE_REFUNDED, 5, **_INVOICE, refund_id=_OTHER, amount_minor=4900),
        _example(_T.INVOICE_REFUND_FAILED, 5, **_INVOICE, refund_id=_OTHER, amount_minor=4900),
        _example(_T.SUBSCRIPTION_CREATED, 1, **_PRICE, **_PERIOD, trial_end=None),
        _example(_T.SUBSCRIPTION_RENEWED, 2, **_PRICE, **_PERIOD, status="active"),
        _example(_T.SUBSCRIPTION_PLAN_CHANGED, 3, **_PRICE, previous_plan="starter", effective_at=_TIME),
        _example(_T.SUBSCRIPTION_PAST_DUE, 4, customer_id=_CUSTOMER, invoice_id=_OTHER, status="past_due"),
        _example(_T.SUBSCRIPTION_CAUGHT_UP, 5, customer_id=_CUSTOMER, invoice_id=_OTHER, status="active"),
        _example(_T.SUBSCRIPTION_CANCELLATION_SCHEDULED, 6, customer_id=_CUSTOMER, cancel_at=_TIME),
        _example(_T.SUBSCRIPTION_CANCELLATION_REVOKED, 7, customer_id=_CUSTOMER),
        _example(_T.SUBSCRIPTION_CANCELED, 8, customer_id=_CUSTOMER, ends_at=_TIME, status="canceled"),
    )
}
