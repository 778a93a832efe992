"""Invoices and their lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import InvoiceStatus, Line, LineTax, TaxTotal
from services.billing.domain.tax import tax_totals
from services.billing.tables import invoice_lines, invoices
from waypost.kernel.errors import NotFound
from waypost.kernel.stored_kinds import member_or_text


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    number: int | None
    status: InvoiceStatus | str
    currency: str
    total_minor: int
    amount_paid_minor: int
    amount_refunded_minor: int
    amount_disputed_minor: int
    last_failure: str | None
    next_attempt_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    finalized_at: datetime | None
    version: int
    tax_minor: int = 0
    refunded_tax_minor: int = 0
    """The tax in `amount_refunded_minor`."""
    lines: Sequence[Line] = ()
    """The lines in the order in which they were added; lists of invoices do not include them."""

    @property
    def subtotal_minor(self) -> int:
        """The total without tax."""
        return self.total_minor - self.tax_minor

    @property
    def taxes(self) -> Sequence[TaxTotal]:
        return tax_totals(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """Filters of a list; None means all."""

    confined_to: UUID | None = None
    """The customer whose invoices a member may see; other filters select among them."""
    customer_id: UUID | None = None
    subscription_id: UUID | None = None
    status: InvoiceStatus | None = None


async def invoice(rows: AsyncConnection, invoice_id: UUID, *, customer_id: UUID | None) -> InvoiceRow:
    """Any invoice of the tenant, or only of `customer_id` if it is given. Raises NotFound, also for
    another customer's invoice.
    """
    query = _filtered(InvoiceFilter(customer_id=customer_id)).where(invoices.c.invoice_id == invoice_id)
    row = (await rows.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    return _invoice(row, await _lines(rows, invoice_id))


async def latest_invoices(
    rows: AsyncConnection, wanted: InvoiceFilter, *, before: UUID | None, limit: int
) -> Sequence[InvoiceRow]:
    """Newest first: ids increase with time."""
    page = _filtered(wanted).order_by(invoices.c.invoice_id.desc()).limit(limit)
    if before is not None:
        page = page.where(invoices.c.invoice_id < before)
    return [_invoice(row) for row in await rows.execute(page)]


def _filtered(wanted: InvoiceFilter) -> Select[Any]:
    query = select(invoices)
    if wanted.confined_to is not None:
        query = query.where(invoices.c.customer_id == wanted.confined_to)
    if wanted.customer_id is not None:
        query = query.where(invoices.c.customer_id == wanted.customer_id)
    if wanted.subscription_id is not None:
        query = query.where(invoices.c.subscription_id == wanted.subscription_id)
    if wanted.status is not None:
        query = query.where(invoices.c.status == wanted.status.value)
    return query


async def _lines(rows: AsyncConnection, invoice_id: UUID) -> Sequence[Line]:
    columns = invoice_lines.c
    query = select(invoice_lines).where(columns.invoice_id == invoice_id).order_by(columns.added_in_version)
    return [
        Line(
            id=row.line_id,
            description=row.description,
            quantity=row.quantity,
            unit_amount_minor=row.unit_amount_minor,
            amount_minor=row.amount_minor,
            tax=_tax(row),
        )
        for row in await rows.execute(query)
    ]


def _tax(row: Row[Any]) -> LineTax | None:
    if row.tax_rate_id is None:
        return None
    return LineTax(
        rate_id=row.tax_rate_id,
        name=row.tax_name,
        ppm=row.tax_rate_ppm,
        inclusive=row.tax_inclusive,
        tax_minor=row.tax_minor,
    )


def _invoice(row: Row[Any], lines: Sequence[Line] = ()) -> InvoiceRow:
    return InvoiceRow(
        id=row.invoice_id,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        number=row.number,
        status=member_or_text(InvoiceStatus, row.status),
        currency=row.currency,
        total_minor=row.total_minor,
        amount_paid_minor=row.amount_paid_minor,
        amount_refunded_minor=row.amount_refunded_minor,
        amount_disputed_minor=row.amount_disputed_minor,
        last_failure=row.last_failure,
        next_attempt_at=row.next_attempt_at,
        due_at=row.due_at,
        created_at=row.created_at,
        finalized_at=row.finalized_at,
        version=row.version,
        tax_minor=row.tax_minor,
        refunded_tax_minor=row.refunded_tax_minor,
        lines=lines,
    )
