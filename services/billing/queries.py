"""Reads, each inside a transaction that is bound to the caller's tenant."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import InvoiceStatus, Line, PaymentMethod
from services.billing.tables import cards, customers, invoice_lines, invoices, revenue_windows
from shared.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    id: UUID
    email: str | None = field(repr=False)
    display_name: str | None = field(repr=False)
    locale: str
    erased: bool
    payment_methods: Sequence[PaymentMethod]
    """Oldest first; the last is the default."""
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    id: UUID
    customer_id: UUID
    number: int | None
    status: InvoiceStatus
    currency: str
    total_minor: int
    amount_paid_minor: int
    amount_refunded_minor: int
    last_failure: str | None
    next_attempt_at: datetime | None
    due_at: datetime | None
    created_at: datetime
    finalized_at: datetime | None
    version: int
    lines: Sequence[Line] = ()
    """In the order in which they were added; not read for lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """What a list is about; None for all."""

    customer_id: UUID | None = None
    status: InvoiceStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRow:
    window: str
    window_start: datetime
    currency: str
    paid_minor: int
    failed_minor: int
    refunded_minor: int
    paid_count: int
    failed_count: int
    refunded_count: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueFilter:
    window: str
    currency: str | None = None


async def customer(rows: AsyncConnection, customer_id: UUID) -> CustomerRow:
    """Raises NotFound, for another tenant's customer too."""
    row = (await rows.execute(select(customers).where(customers.c.customer_id == customer_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no customer {customer_id}")
    return _customer(row, await _cards(rows, [customer_id]))


async def all_customers(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[CustomerRow]:
    """In the order in which their users joined: ids grow with time."""
    page = select(customers).order_by(customers.c.customer_id).limit(limit)
    if after is not None:
        page = page.where(customers.c.customer_id > after)
    found = (await rows.execute(page)).all()
    theirs = await _cards(rows, [row.customer_id for row in found])
    return [_customer(row, theirs) for row in found]


async def invoice(rows: AsyncConnection, invoice_id: UUID, *, customer_id: UUID | None) -> InvoiceRow:
    """Of anybody in the tenant, or of one customer alone. Raises NotFound, for another's too."""
    found = _chosen(InvoiceFilter(customer_id=customer_id)).where(invoices.c.invoice_id == invoice_id)
    row = (await rows.execute(found)).one_or_none()
    if row is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    return _invoice(row, await _lines(rows, invoice_id))


async def latest_invoices(
    rows: AsyncConnection, wanted: InvoiceFilter, *, before: UUID | None, limit: int
) -> Sequence[InvoiceRow]:
    """Newest first: ids grow with time."""
    page = _chosen(wanted).order_by(invoices.c.invoice_id.desc()).limit(limit)
    if before is not None:
        page = page.where(invoices.c.invoice_id < before)
    return [_invoice(row) for row in await rows.execute(page)]


async def revenue(
    rows: AsyncConnection, wanted: RevenueFilter, *, before: tuple[datetime, str] | None, limit: int
) -> Sequence[RevenueRow]:
    """Windows of one length, newest first; those of one moment by currency, backwards."""
    columns = revenue_windows.c
    page = select(*(columns[each.name] for each in fields(RevenueRow))).where(columns.window == wanted.window)
    if wanted.currency is not None:
        page = page.where(columns.currency == wanted.currency)
    if before is not None:
        page = page.where(tuple_(columns.window_start, columns.currency) < before)
    page = page.order_by(columns.window_start.desc(), columns.currency.desc()).limit(limit)
    return [RevenueRow(**row._mapping) for row in await rows.execute(page)]


def _chosen(wanted: InvoiceFilter) -> Select[Any]:
    query = select(invoices)
    if wanted.customer_id is not None:
        query = query.where(invoices.c.customer_id == wanted.customer_id)
    if wanted.status is not None:
        query = query.where(invoices.c.status == wanted.status.value)
    return query


async def _cards(rows: AsyncConnection, customer_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[PaymentMethod]]:
    found = select(cards).where(cards.c.customer_id.in_(customer_ids)).order_by(cards.c.attached_in_version)
    theirs: dict[UUID, list[PaymentMethod]] = defaultdict(list)
    for row in await rows.execute(found):
        theirs[row.customer_id].append(PaymentMethod(id=row.payment_method_id, brand=row.brand, last4=row.last4))
    return theirs


async def _lines(rows: AsyncConnection, invoice_id: UUID) -> Sequence[Line]:
    columns = invoice_lines.c
    found = select(invoice_lines).where(columns.invoice_id == invoice_id).order_by(columns.added_in_version)
    return [
        Line(
            id=row.line_id,
            description=row.description,
            quantity=row.quantity,
            unit_amount_minor=row.unit_amount_minor,
            amount_minor=row.amount_minor,
        )
        for row in await rows.execute(found)
    ]


def _customer(row: Row[Any], theirs: Mapping[UUID, Sequence[PaymentMethod]]) -> CustomerRow:
    return CustomerRow(
        id=row.customer_id,
        email=row.email,
        display_name=row.display_name,
        locale=row.locale,
        erased=row.erased,
        payment_methods=theirs.get(row.customer_id, ()),
        created_at=row.created_at,
        version=row.version,
    )


def _invoice(row: Row[Any], lines: Sequence[Line] = ()) -> InvoiceRow:
    return InvoiceRow(
        id=row.invoice_id,
        customer_id=row.customer_id,
        number=row.number,
        status=InvoiceStatus(row.status),
        currency=row.currency,
        total_minor=row.total_minor,
        amount_paid_minor=row.amount_paid_minor,
        amount_refunded_minor=row.amount_refunded_minor,
        last_failure=row.last_failure,
        next_attempt_at=row.next_attempt_at,
        due_at=row.due_at,
        created_at=row.created_at,
        finalized_at=row.finalized_at,
        version=row.version,
        lines=lines,
    )
