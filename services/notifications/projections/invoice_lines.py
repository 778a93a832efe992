"""Lines of invoices from the billing topic, for the mails of the invoices."""

import base64
from dataclasses import replace
from typing import Any

from schemas.billing import InvoiceDiscarded, InvoiceFinalized, InvoiceLineAdded
from services.notifications.tables import invoice_lines
from waypost.engine.row_per_aggregate import Row, remove, row_per_aggregate
from waypost.kernel.envelope import Envelope


def add_line(row: Row | None, envelope: Envelope[InvoiceLineAdded]) -> Row:
    event = envelope.event
    line: dict[str, Any] = {
        "description": event.description,
        "quantity": event.quantity,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
    }
    if event.tax_rate_id is not None:
        line["tax"] = {
            "rate_id": str(event.tax_rate_id),
            "name": event.tax_name,
            "ppm": event.tax_rate_ppm,
            "inclusive": event.tax_inclusive,
            "tax_minor": event.tax_minor,
        }
    if event.personal_ciphertext:
        line["event_id"] = str(envelope.event_id)
        line["personal_ciphertext"] = base64.b64encode(event.personal_ciphertext).decode()
    return {"lines": [*_lines(row), line], "finalized": False}


def finish(row: Row | None, envelope: Envelope[InvoiceFinalized]) -> Row:
    return {"lines": _lines(row), "finalized": True}


def _lines(row: Row | None) -> list[Any]:
    return list(row["lines"]) if row is not None else []


INVOICE_LINE_LISTS = replace(
    row_per_aggregate(
        "invoice_lines",
        invoice_lines,
        {InvoiceLineAdded: add_line, InvoiceFinalized: finish, InvoiceDiscarded: remove},
    ),
    reads_personal_data=False,
)
"""The rows keep the texts encrypted, because the events of the invoice here do not name its
customer. Without the customer's key the texts are unreadable.
"""
