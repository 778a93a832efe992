"""The texts on lines of customers whom an earlier release erased: it left the texts, before the
upgrade and in its processes that still ran during it. The next release removes this module.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.handlers.line_texts import texts_key
from services.billing.tables import customers, invoice_lines, invoices
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

CUSTOMERS_AT_ONCE = 200
"""Erased customers of one transaction, whose lines are read."""

_LINES = invoices.join(
    invoice_lines,
    and_(invoice_lines.c.tenant_id == invoices.c.tenant_id, invoice_lines.c.invoice_id == invoices.c.invoice_id),
)


TENANTS_WITH_ERASED: Select[Any] = select(customers.c.tenant_id).where(customers.c.erased).distinct()
"""Reads the partial index `customers_erased` only."""


async def tenants_with_erased(rows: AsyncConnection) -> Sequence[TenantId]:
    """The tenants with erased customers, among the bound tenants."""
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(TENANTS_WITH_ERASED)).scalars()]


async def enqueue_erasures(tenant_id: TenantId, after: UUID, uow: UnitOfWork) -> UUID | None:
    """Enqueues `erase_line_texts` for those of the next erased customers who have a text on a line.
    Returns the last one's id, or None after the last customers.

    The rows show what is left: this release empties them with the customer, and enqueues the job
    for the events itself.
    """
    of_tenant = (customers.c.erased, customers.c.tenant_id == tenant_id, customers.c.customer_id > after)
    query = select(customers.c.customer_id).where(*of_tenant).order_by(customers.c.customer_id).limit(CUSTOMERS_AT_ONCE)
    part = (await uow.rows.execute(query)).scalars().all()
    with_text = (
        exists()
        .select_from(_LINES)
        .where(
            invoices.c.tenant_id == tenant_id,
            invoices.c.customer_id == customers.c.customer_id,
            invoice_lines.c.description != "",
        )
    )
    behind = select(customers.c.customer_id).where(
        customers.c.tenant_id == tenant_id, customers.c.customer_id.in_(part), with_text
    )
    for customer_id in sorted((await uow.rows.execute(behind)).scalars()):
        await uow.jobs.enqueue("erase_line_texts", idempotency_key=texts_key(customer_id), customer_id=customer_id)
    return part[-1] if len(part) == CUSTOMERS_AT_ONCE else None
