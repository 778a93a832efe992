"""The lock of a customer. A transaction locks the customer first, then invoices, then
subscriptions.
"""

from uuid import UUID

from sqlalchemy import select

from services.billing.domain import Customer
from services.billing.tables import customers, invoices
from waypost.ports.unit_of_work import UnitOfWork


async def lock_customer(customer_id: UUID, uow: UnitOfWork) -> Customer:
    """Locks the customer's row and loads the customer. The lock serializes changes of
    cards and of the profile, new subscriptions, plan changes, payments, arrears and the erasure.
    Raises NotFound.
    """
    row = select(customers.c.customer_id).where(customers.c.customer_id == customer_id).with_for_update()
    await uow.rows.execute(row)
    return await uow.load(Customer, customer_id)


async def lock_customer_of(invoice_id: UUID, uow: UnitOfWork) -> None:
    """Locks the row of the invoice's customer, which never changes. For a transaction that may
    write the invoice off or settle a write-off, which change the customer too.
    """
    of_invoice = select(invoices.c.customer_id).where(invoices.c.invoice_id == invoice_id).scalar_subquery()
    row = select(customers.c.customer_id).where(customers.c.customer_id == of_invoice).with_for_update()
    await uow.rows.execute(row)
