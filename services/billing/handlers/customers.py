"""The reactor that updates customers from the events of their users, and the command that attaches
a payment method.
"""

from datetime import datetime

from sqlalchemy import delete, insert, select

from schemas.users import UserCreated, UserEmailChanged, UserErased, UserProfileUpdated
from services.billing.commands import AttachPaymentMethod
from services.billing.domain import Customer, InvoiceStatus
from services.billing.handlers import attempt_rows
from services.billing.handlers.invoices import lock_invoice
from services.billing.handlers.stale_events import ignore_stale
from services.billing.handlers.subscription_status import lock_subscription
from services.billing.tables import invoices, payment_methods, subscriptions
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


async def attach_payment_method(command: AttachPaymentMethod, uow: UnitOfWork) -> Customer:
    """Raises NotFound, CustomerIsErased."""
    customer = await uow.load(Customer, command.customer_id)
    customer.attach(command.method, command.at)
    await uow.rows.execute(
        insert(payment_methods).values(
            tenant_id=customer.tenant_id,
            payment_method_id=command.method.id,
            customer_id=customer.id,
            token=command.token,
        )
    )
    return customer


async def open_customer(created: Envelope[UserCreated], uow: UnitOfWork) -> None:
    user = created.event
    customer = Customer.open(
        user.user_id,
        created.tenant_id,
        email=user.email,
        display_name=user.display_name,
        locale=user.locale,
        at=user.created_at,
    )
    uow.add(customer)


async def change_address(changed: Envelope[UserEmailChanged], uow: UnitOfWork) -> None:
    customer = await uow.load(Customer, changed.event.user_id)
    customer.update(changed.event.changed_at, email=changed.event.email)


async def change_profile(updated: Envelope[UserProfileUpdated], uow: UnitOfWork) -> None:
    profile = updated.event
    customer = await uow.load(Customer, profile.user_id)
    customer.update(profile.updated_at, display_name=profile.display_name, locale=profile.locale)


async def erase_customer(erased: Envelope[UserErased], uow: UnitOfWork) -> None:
    """Erases the customer. Open invoices are voided; the ledger keeps them under ids only."""
    at = erased.event.erased_at
    customer = await uow.load(Customer, erased.event.user_id)
    customer.erase(at)
    await uow.rows.execute(delete(payment_methods).where(payment_methods.c.customer_id == customer.id))
    await uow.events.erase_personal_data(Customer.aggregate_type, customer.id)
    await _void_open_invoices(customer, at, uow)
    await _end_subscriptions(customer, at, uow)


async def _void_open_invoices(customer: Customer, at: datetime, uow: UnitOfWork) -> None:
    """Voids the customer's open invoices. An invoice with a pending payment stays open until it is
    decided. The fixed order prevents deadlocks between two erasures.
    """
    is_open = (invoices.c.customer_id == customer.id, invoices.c.status == InvoiceStatus.OPEN.value)
    result = await uow.rows.execute(select(invoices.c.invoice_id).where(*is_open).order_by(invoices.c.invoice_id))
    for invoice_id in result.scalars().all():
        invoice = await lock_invoice(invoice_id, uow)
        is_still_open = invoice.status is InvoiceStatus.OPEN
        if is_still_open and await attempt_rows.pending_attempt(invoice_id, uow) is None:
            invoice.void("erased", at)


async def _end_subscriptions(customer: Customer, at: datetime, uow: UnitOfWork) -> None:
    """Ends the customer's subscriptions, after the invoices are voided: settlement locks the
    invoice first and its subscription second.
    """
    of_customer = subscriptions.c.customer_id == customer.id
    result = await uow.rows.execute(
        select(subscriptions.c.subscription_id).where(of_customer).order_by(subscriptions.c.subscription_id)
    )
    for subscription_id in result.scalars().all():
        (await lock_subscription(subscription_id, uow)).end("erased", at)


CUSTOMERS = Reactor(
    "customers",
    {
        UserCreated: ignore_stale(open_customer),
        UserEmailChanged: ignore_stale(change_address),
        UserProfileUpdated: ignore_stale(change_profile),
        UserErased: ignore_stale(erase_customer),
    },
)
