"""Write-offs of an earlier release, which recorded them on the invoice and not on its customer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, select

from services.billing.domain import Customer, InvoiceStatus
from services.billing.handlers.customer_lock import lock_customer_of
from services.billing.handlers.invoices import lock_invoice
from services.billing.tables import customers, invoices
from waypost.ports.unit_of_work import UnitOfWork


async def written_off_invoices(uow: UnitOfWork) -> Sequence[UUID]:
    """The written-off invoices of customers who are not erased."""
    of_customer = and_(customers.c.tenant_id == invoices.c.tenant_id, customers.c.customer_id == invoices.c.customer_id)
    query = (
        select(invoices.c.invoice_id)
        .select_from(invoices.join(customers, of_customer))
        .where(invoices.c.status == InvoiceStatus.UNCOLLECTIBLE.value, customers.c.erased.is_(False))
        .order_by(invoices.c.invoice_id)
    )
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
