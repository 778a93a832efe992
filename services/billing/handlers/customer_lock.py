"""The lock of a customer. A transaction locks the customer first, then invoices, then
subscriptions.
"""

from uuid import UUID

from sqlalchemy import select

from services.billing.domain import Customer
from services.billing.tables import customers
from waypost.ports.unit_of_work import UnitOfWork


async def lock_customer(customer_id: UUID, uow: UnitOfWork) -> Customer:
    """Locks the customer's row and loads the customer. The lock serializes new cards, new
    subscriptions, plan changes and the erasure. Raises NotFound.
    """
    row = select(customers.c.customer_id).where(customers.c.customer_id == customer_id).with_for_update()
    await uow.rows.execute(row)
    return await uow.load(Customer, customer_id)
