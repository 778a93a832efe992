"""The lock of a customer. A transaction locks the customer first, then invoices, then
subscriptions.
"""

from uuid import UUID

from sqlalchemy import ScalarSelect, and_, select

from services.billing.domain import AttemptKind, Customer
from services.billing.tables import customers, invoices, payment_attempts
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
    await _lock(select(invoices.c.customer_id).where(invoices.c.invoice_id == invoice_id).scalar_subquery(), uow)


async def lock_customer_of_charge(attempt_id: UUID, uow: UnitOfWork) -> None:
    """`lock_customer_of` for the invoice of a charge. Locks nothing for a refund: its decision does
    not change the customer.
    """
    attempts = payment_attempts.c
    of_invoice = and_(attempts.tenant_id == invoices.c.tenant_id, attempts.invoice_id == invoices.c.invoice_id)
    await _lock(
        select(invoices.c.customer_id)
        .select_from(invoices.join(payment_attempts, of_invoice))
        .where(attempts.id == attempt_id, attempts.kind == AttemptKind.CHARGE.value)
        .scalar_subquery(),
        uow,
    )


async def _lock(customer_id: ScalarSelect[UUID], uow: UnitOfWork) -> None:
    row = select(customers.c.customer_id).where(customers.c.customer_id == customer_id).with_for_update()
    await uow.rows.execute(row)
