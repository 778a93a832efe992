"""Write-offs of an earlier release, which recorded them on the invoice and not on its customer. The
next release removes this module.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import Customer, InvoiceStatus
from services.billing.handlers.customer_lock import lock_customer_of
from services.billing.handlers.invoices import lock_invoice
from services.billing.tables import customers, invoices
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

# A literal and not a parameter, so that each plan can use the partial index `invoices_written_off`.
_WRITTEN_OFF = invoices.c.status == literal_column("'uncollectible'")

CUSTOMERS_BEHIND: Select[Any] = (
    select(customers.c.tenant_id, customers.c.customer_id)
    .select_from(
        invoices.join(
            customers,
            and_(customers.c.tenant_id == invoices.c.tenant_id, customers.c.customer_id == invoices.c.customer_id),
        )
    )
    .where(_WRITTEN_OFF, customers.c.erased.is_(False))
    .group_by(customers.c.tenant_id, customers.c.customer_id, customers.c.written_off_invoices)
    .having(func.count() > customers.c.written_off_invoices)
)
"""Tenant and id of the customers who are not erased and miss a write-off: `written_off_invoices`
counts the recorded ones that are neither paid nor voided. Reads an index of the written-off
invoices only.
"""


async def tenants_with_unrecorded(rows: AsyncConnection) -> Sequence[TenantId]:
    """The tenants with customers who have more written-off invoices than are recorded on them,
    among the bound tenants.
    """
    behind = CUSTOMERS_BEHIND.subquery()
    found = (await rows.execute(select(behind.c.tenant_id).distinct())).scalars()
    return [TenantId(tenant_id) for tenant_id in found]


async def unrecorded_write_offs(uow: UnitOfWork, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """The written-off invoices of these customers, recorded or not, by id."""
    columns = invoices.c
    of_behind = tuple_(columns.tenant_id, columns.customer_id).in_(CUSTOMERS_BEHIND)
    query = select(columns.invoice_id).where(_WRITTEN_OFF, of_behind).order_by(columns.invoice_id).limit(limit)
    if after is not None:
        query = query.where(columns.invoice_id > after)
    return (await uow.rows.execute(query)).scalars().all()


async def record_write_off(invoice_id: UUID, at: datetime, uow: UnitOfWork) -> bool:
    """Records the write-off on the customer. Returns False if it is known, or was settled or the
    customer erased meanwhile.
    """
    await lock_customer_of(invoice_id, uow)
    invoice = await lock_invoice(invoice_id, uow)
    customer = await uow.load(Customer, invoice.customer_id)
    is_known = invoice.id in customer.written_off
    if is_known or customer.erased or invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
        return False
    customer.write_off(invoice.id, invoice.written_off_at or at)
    return True
