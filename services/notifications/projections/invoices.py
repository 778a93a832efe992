"""Invoice status from the billing topic. Drafts are not included."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
)
from services.notifications.domain import InvoiceStatus
from services.notifications.tables import INVOICES, invoices
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection

_invoice = partial(changes, invoices, invoices.c.invoice_id)


async def add_invoices(finalized: Sequence[Envelope[InvoiceFinalized]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(invoices),
        [
            {
                "tenant_id": envelope.tenant_id,
                "invoice_id": envelope.aggregate_id,
                "number": envelope.event.number,
                "amount_minor": envelope.event.total_minor,
                "currency": envelope.event.currency,
                "status": InvoiceStatus.OPEN.value,
                "due_at": envelope.event.due_at,
            }
            for envelope in finalized
        ],
    )


INVOICE_STATUS = AsyncProjection(
    "invoices",
    {
        InvoiceFinalized: add_invoices,
        InvoicePaymentFailed: _invoice(lambda event: {"status": InvoiceStatus.PAYMENT_FAILED.value}),
        InvoicePaid: _invoice(lambda event: {"status": InvoiceStatus.PAID.value, "settled_at": event.paid_at}),
        InvoiceVoided: _invoice(lambda event: {"status": InvoiceStatus.VOID.value, "settled_at": event.voided_at}),
        InvoiceMarkedUncollectible: _invoice(
            lambda event: {"status": InvoiceStatus.UNCOLLECTIBLE.value, "settled_at": event.marked_at}
        ),
    },
    INVOICES,
)
