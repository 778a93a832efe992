"""Invoice status from the billing topic. Drafts are not included."""

from schemas.billing import (
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
)
from services.notifications.domain import InvoiceStatus
from services.notifications.tables import invoices
from waypost.engine.row_per_aggregate import change, put, row_per_aggregate

INVOICE_STATUS = row_per_aggregate(
    "invoices",
    invoices,
    {
        InvoiceFinalized: put(
            lambda event: {
                "number": event.number,
                "amount_minor": event.total_minor,
                "currency": event.currency,
                "status": InvoiceStatus.OPEN.value,
                "due_at": event.due_at,
            }
        ),
        InvoicePaymentFailed: change(lambda event: {"status": InvoiceStatus.PAYMENT_FAILED.value}),
        InvoicePaid: change(lambda event: {"status": InvoiceStatus.PAID.value, "settled_at": event.paid_at}),
        InvoiceVoided: change(lambda event: {"status": InvoiceStatus.VOID.value, "settled_at": event.voided_at}),
        InvoiceMarkedUncollectible: change(
            lambda event: {"status": InvoiceStatus.UNCOLLECTIBLE.value, "settled_at": event.marked_at}
        ),
    },
)
