"""Updates a subscription's status after its invoice changed, in the same transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.billing.domain import Invoice, InvoiceStatus, Subscription
from services.billing.tables import subscriptions
from waypost.ports.unit_of_work import UnitOfWork


async def update_subscription_status(invoice: Invoice, at: datetime, uow: UnitOfWork) -> None:
    """The caller holds the locks of the customer and the invoice; the subscription is always locked
    last.
    """
    if invoice.subscription_id is None:
        return
    subscription = await lock_subscription(invoice.subscription_id, uow)
    match invoice.status:
        case InvoiceStatus.OPEN:
            subscription.mark_past_due(invoice.id, at)
        case InvoiceStatus.PAID:
            subscription.mark_paid_up(invoice.id, at)
        case InvoiceStatus.VOID:
            subscription.mark_voided(invoice.id, at)
        case InvoiceStatus.UNCOLLECTIBLE:
            subscription.end("nonpayment", at)
        case InvoiceStatus.DRAFT:
            raise AssertionError("a period's invoice is finalized in the transaction that creates it")


async def lock_subscription(subscription_id: UUID, uow: UnitOfWork) -> Subscription:
    """Locks the subscription's row and loads it. The lock serializes renewals, changes,
    cancellations and status updates. Raises NotFound.
    """
    row = (
        select(subscriptions.c.subscription_id)
        .where(subscriptions.c.subscription_id == subscription_id)
        .with_for_update()
    )
    await uow.rows.execute(row)
    return await uow.load(Subscription, subscription_id)
