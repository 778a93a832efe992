"""Invoices and their lines."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    CustomerErased,
    InvoiceCreated,
    InvoiceDiscarded,
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
)
from services.billing.domain import InvoiceStatus
from services.billing.tables import INVOICES, invoice_lines, invoices
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection

_ADD_INVOICE = insert(invoices)

_OF_INVOICE = (invoices.c.tenant_id == bindparam("of_tenant"), invoices.c.invoice_id == bindparam("of_invoice"))

_ADD_UP_LINES = (
    update(invoices)
    .where(*_OF_INVOICE)
    .values(
        total_minor=invoices.c.total_minor + bindparam("more_minor"),
        tax_minor=invoices.c.tax_minor + bindparam("more_tax_minor"),
        version=bindparam("new_version"),
    )
)

_invoice = partial(changes, invoices, invoices.c.invoice_id)


async def add_invoices(created: Sequence[Envelope[InvoiceCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        _ADD_INVOICE,
        [
            {
                "tenant_id": envelope.tenant_id,
                "invoice_id": envelope.aggregate_id,
                "customer_id": envelope.event.customer_id,
                "subscription_id": envelope.event.subscription_id,
                "status": InvoiceStatus.DRAFT.value,
                "currency": envelope.event.currency,
                "total_minor": 0,
                "amount_paid_minor": 0,
                "amount_refunded_minor": 0,
                "amount_disputed_minor": 0,
                "created_at": envelope.event.created_at,
                "version": envelope.aggregate_version,
            }
            for envelope in created
        ],
    )


async def add_lines(added: Sequence[Envelope[InvoiceLineAdded]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(invoice_lines),
        [
            {
                "tenant_id": envelope.tenant_id,
                "invoice_id": envelope.aggregate_id,
                "added_in_version": envelope.aggregate_version,
                "line_id": envelope.event.line_id,
                "description": envelope.event.description,
                "quantity": envelope.event.quantity,
                "unit_amount_minor": envelope.event.unit_amount_minor,
                "amount_minor": envelope.event.amount_minor,
                "tax_minor": envelope.event.tax_minor,
                "tax_rate_id": envelope.event.tax_rate_id,
                "tax_name": envelope.event.tax_name,
                "tax_rate_ppm": envelope.event.tax_rate_ppm,
                "tax_inclusive": envelope.event.tax_inclusive,
            }
            for envelope in added
        ],
    )
    await rows.execute(
        _ADD_UP_LINES,
        [
            {
                "of_tenant": envelope.tenant_id,
                "of_invoice": envelope.aggregate_id,
                "more_minor": envelope.event.amount_minor,
                "more_tax_minor": envelope.event.tax_minor,
                "new_version": envelope.aggregate_version,
            }
            for envelope in added
        ],
    )


async def erase_line_texts(erased: Sequence[Envelope[CustomerErased]], rows: AsyncConnection) -> None:
    """Removes the texts from the lines of erased customers."""
    of_customer = (
        invoices.c.tenant_id == bindparam("of_tenant"),
        invoices.c.customer_id == bindparam("of_customer"),
        invoice_lines.c.tenant_id == invoices.c.tenant_id,
        invoice_lines.c.invoice_id == invoices.c.invoice_id,
    )
    await rows.execute(
        update(invoice_lines).where(*of_customer).values(description=""),
        [{"of_tenant": envelope.tenant_id, "of_customer": envelope.aggregate_id} for envelope in erased],
    )


async def add_refunds(refunded: Sequence[Envelope[InvoiceRefunded]], rows: AsyncConnection) -> None:
    await _add_up(
        refunded,
        rows,
        lambda event: {"amount_refunded_minor": event.amount_minor, "refunded_tax_minor": event.tax_minor},
    )


async def take_back_refunds(failed: Sequence[Envelope[InvoiceRefundFailed]], rows: AsyncConnection) -> None:
    """`tax_minor` of a refund that was not booked is 0."""
    await _add_up(
        failed,
        rows,
        lambda event: {
            "amount_refunded_minor": -event.amount_minor * event.was_booked,
            "refunded_tax_minor": -event.tax_minor,
        },
    )


async def add_disputes(disputed: Sequence[Envelope[InvoiceDisputed]], rows: AsyncConnection) -> None:
    await _add_up(disputed, rows, lambda event: {"amount_disputed_minor": event.amount_minor})


async def close_disputes(closed: Sequence[Envelope[InvoiceDisputeClosed]], rows: AsyncConnection) -> None:
    await _add_up(closed, rows, lambda event: {"amount_disputed_minor": -event.amount_minor * (event.outcome == "won")})


async def _add_up(
    envelopes: Sequence[Envelope[Any]], rows: AsyncConnection, amounts_of: Callable[[Any], Mapping[str, int]]
) -> None:
    """`amounts_of` returns what an event adds, by column: the same columns for each event."""
    columns = amounts_of(envelopes[0].event)
    statement = (
        update(invoices)
        .where(*_OF_INVOICE)
        .values(
            {
                "version": bindparam("new_version"),
                **{column: invoices.c[column] + bindparam(f"more_{column}") for column in columns},
            }
        )
    )
    await rows.execute(
        statement,
        [
            {
                "of_tenant": envelope.tenant_id,
                "of_invoice": envelope.aggregate_id,
                "new_version": envelope.aggregate_version,
                **{f"more_{column}": amount for column, amount in amounts_of(envelope.event).items()},
            }
            for envelope in envelopes
        ],
    )


def _ended(status: InvoiceStatus) -> Mapping[str, object]:
    return {"status": status.value, "next_attempt_at": None}


INVOICE_ROWS = InlineProjection(
    "invoices",
    {
        InvoiceCreated: add_invoices,
        InvoiceLineAdded: add_lines,
        InvoiceFinalized: _invoice(
            lambda event: {
                "status": InvoiceStatus.OPEN.value,
                "number": event.number,
                "finalized_at": event.finalized_at,
                "due_at": event.due_at,
            }
        ),
        InvoicePaid: _invoice(lambda event: {**_ended(InvoiceStatus.PAID), "amount_paid_minor": event.amount_minor}),
        InvoicePaymentFailed: _invoice(
            lambda event: {"last_failure": event.reason, "next_attempt_at": event.next_attempt_at}
        ),
        InvoiceVoided: _invoice(lambda event: _ended(InvoiceStatus.VOID)),
        InvoiceDiscarded: _invoice(lambda event: _ended(InvoiceStatus.VOID)),
        InvoiceMarkedUncollectible: _invoice(lambda event: _ended(InvoiceStatus.UNCOLLECTIBLE)),
        InvoiceRefunded: add_refunds,
        InvoiceRefundFailed: take_back_refunds,
        InvoiceDisputed: add_disputes,
        InvoiceDisputeClosed: close_disputes,
        CustomerErased: erase_line_texts,
    },
    INVOICES,
)
