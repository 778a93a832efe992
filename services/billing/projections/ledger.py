"""The ledger, written in the transaction of its events."""

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
)
from services.billing.domain.ledger import MonetaryEvent, entry_of
from services.billing.tables import LEDGER, postings
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection


async def post_entries(envelopes: Sequence[Envelope[MonetaryEvent]], rows: AsyncConnection) -> None:
    """Writes all postings of an entry in one statement; an entry that does not sum to 0 cannot be
    created.
    """
    values = [
        {
            "tenant_id": envelope.tenant_id,
            "invoice_id": envelope.aggregate_id,
            "invoice_version": envelope.aggregate_version,
            "account": posting.account.value,
            "amount_minor": posting.amount.amount_minor,
            "currency": posting.amount.currency,
            "posted_at": envelope.occurred_at,
        }
        for envelope in envelopes
        if (entry := entry_of(envelope.event)) is not None
        for posting in entry.postings
    ]
    if values:
        await rows.execute(insert(postings).values(values))


LEDGER_ROWS = InlineProjection(
    "ledger",
    dict.fromkeys(
        (
            InvoiceFinalized,
            InvoicePaid,
            InvoiceVoided,
            InvoiceMarkedUncollectible,
            InvoiceRefunded,
            InvoiceRefundFailed,
            InvoiceDisputed,
            InvoiceDisputeClosed,
        ),
        post_entries,
    ),
    LEDGER,
)
