"""Written-off invoices: the customer is in arrears until each is paid or voided."""

from datetime import datetime

from services.billing.domain import Customer, Invoice
from services.billing.domain.errors import TenantInArrears
from waypost.ports.unit_of_work import UnitOfWork

OWNER_IN_ARREARS = """
select from customers join principals on principals.tenant_id = customers.tenant_id and user_id = customer_id
where role = 'owner' and written_off_invoices > 0"""
"""Runs in each `POST /invoices`. The partial index `customers_in_arrears` holds only the customers
whose number is above 0.
"""


async def require_no_arrears(customer: Customer, uow: UnitOfWork) -> None:
    """A customer in arrears gets no new invoice or subscription. The owner's arrears limit the
    whole tenant to paying. Raises CustomerInArrears, TenantInArrears.
    """
    customer.require_no_arrears()
    if await uow.query(OWNER_IN_ARREARS):
        raise TenantInArrears


def write_off(invoice: Invoice, customer: Customer, attempts: int, at: datetime) -> None:
    invoice.mark_uncollectible(attempts, at)
    customer.write_off(invoice.id, at)


async def settle_arrears(invoice: Invoice, at: datetime, uow: UnitOfWork) -> None:
    """The written-off invoice was paid or voided in this transaction."""
    customer = await uow.load(Customer, invoice.customer_id)
    customer.settle_write_off(invoice.id, at)
