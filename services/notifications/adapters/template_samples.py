"""Sample values of every variable of the mails, for previews and tests. A template with a new
variable needs a sample here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.notifications.domain import InvoiceStatus
from services.notifications.ports import Link
from services.notifications.queries.digest import UnreadInvoice

_DAY = "2026-12-09T12:00:00+00:00"

SAMPLES: Mapping[str, object] = {
    "name": "Ada Lovelace",
    "company": "Analytical Engines",
    "link": Link("https://example.com/page?token=sample"),
    "unsubscribe": Link("https://example.com/unsubscribe/sample"),
    "invoice_link": Link("https://example.com/invoices/sample"),
    "number": 7,
    "amount_minor": 123_450,
    "currency": "EUR",
    "due_at": _DAY,
    "paid_at": _DAY,
    "refunded_at": _DAY,
    "changed_at": _DAY,
    "disabled_at": _DAY,
    "endpoint_id": "01a21327-343b-78b8-828e-29818cbf217b",
    "ends_at": _DAY,
    "cancel_at": _DAY,
    "outcome": "lost",
    "effective_at": _DAY,
    "period_end": _DAY,
    "next_attempt_at": _DAY,
    "reason": "card_declined",
    "method": "changed",
    "role": "admin",
    "previous_role": "member",
    "plan": "team-monthly",
    "previous_plan": "starter",
    "interval": "month",
    "lines": [{"description": "Team plan", "quantity": 2, "amount_minor": 123_450, "currency": "EUR"}],
    "taxes": [{"name": "VAT", "ppm": 190_000, "tax_minor": 19_710, "currency": "EUR"}],
    "items": [
        UnreadInvoice(
            number=7,
            amount_minor=123_450,
            currency="EUR",
            status=InvoiceStatus.OPEN,
            due_at=datetime.fromisoformat(_DAY).astimezone(UTC),
            settled_at=None,
        )
    ],
    "count": 1,
    "more": 0,
}
