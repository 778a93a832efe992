"""The reactor that updates customers from the events of their users."""

from datetime import datetime

from sqlalchemy import delete, select

from schemas.users import UserCreated, UserEmailChanged, UserErased, UserProfileUpdated
from services.billing.domain import Customer, InvoiceStatus
from services.billing.domain.drafts import discard
from services.billing.handlers import attempt_rows
from services.billing.handlers.customer_lock import lock_customer
from services.billing.handlers.invoices import lock_invoice
from services.billing.handlers.line_texts import texts_key
from services.billing.handlers.stale_events import ignore_stale
from services.billing.handlers.subscription_status import lock_subscription
from services.billing.tables import invoices, payment_methods, subscriptions
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork


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
    customer = await lock_customer(changed.event.user_id, uow)
    customer.update(changed.event.changed_at, email=changed.event.email)


async def change_profile(updated: Envelope[UserProfileUpdated], uow: UnitOfWork) -> None:
    profile = updated.event
    customer = await lock_customer(profile.user_id, uow)
    customer.update(profile.updated_at, display_name=profile.display_name, locale=profile.locale)


async def erase_customer(erased: Envelope[UserErased], uow: UnitOfWork) -> None:
    """Erases the customer. Drafts are discarded and open invoices are voided; the ledger keeps
    invoices under ids only, without the texts of their lines. A job removes these texts from the
    events, because a customer may have more lines than one transaction can rewrite.
    """
    at = erased.event.erased_at
    customer = await lock_customer(erased.event.user_id, uow)
    customer.erase(at)
    await uow.rows.execute(delete(payment_methods).where(payment_methods.c.customer_id == customer.id))
    await uow.events.erase_personal_data(Customer.aggregate_type, customer.id)
    await _close_invoices(customer, at, uow)
    await uow.jobs.enqueue("erase_line_texts", idempotency_key=texts_key(customer.id), customer_id=customer.id)
    await _end_subscriptions(customer, at, uow)


async def _close_invoices(customer: Customer, at: datetime, uow: UnitOfWork) -> None:
    """Discards the customer's drafts and voids the open invoices. An invoice with a pending payment
    stays open until it is decided. The fixed order prevents deadlocks between two erasures.
    """
    is_unfinished = (
        invoices.c.customer_id == customer.id,
        invoices.c.status.in_([InvoiceStatus.DRAFT.value, InvoiceStatus.OPEN.value]),
    )
    result = await uow.rows.execute(select(invoices.c.invoice_id).where(*is_unfinished).order_by(invoices.c.invoice_id))
    for invoice_id in result.scalars().all():
        invoice = await lock_invoice(invoice_id, uow)
        if invoice.status is InvoiceStatus.DRAFT:
            discard(invoice, "erased", at)
        elif invoice.status is InvoiceStatus.OPEN and await attempt_rows.pending_attempt(invoice_id, uow) is None:
            invoice.void("erased", at)


async def _end_subscriptions(customer: Customer, at: datetime, uow: UnitOfWork) -> None:
    """Ends the customer's subscriptions, after the invoices are voided: settlement locks the
    customer first, then the invoice, then its subscription.
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
