"""Subscriptions and their renewals. Each period begins with its invoice and its charge, in one
transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.commands import CancelSubscription, ChangePlan, CreateSubscription, RenewSubscription
from services.billing.domain import Customer, Invoice, Subscription, SubscriptionStatus
from services.billing.domain.errors import NoPaymentMethod
from services.billing.handlers.arrears import require_no_arrears
from services.billing.handlers.invoices import finalize
from services.billing.handlers.subscription_status import lock_subscription
from services.billing.tables import subscriptions
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork


async def create_subscription(command: CreateSubscription, uow: UnitOfWork) -> Subscription:
    """Raises NotFound for an unknown customer, CustomerIsErased, CustomerInArrears,
    TenantInArrears, NoPaymentMethod.
    """
    customer = await uow.load(Customer, command.customer_id)
    customer.require_present()
    await require_no_arrears(customer, uow)
    if customer.default_payment_method is None:
        raise NoPaymentMethod
    subscription = Subscription.start(
        command.subscription_id, customer.tenant_id, customer_id=customer.id, plan=command.plan, at=command.at
    )
    uow.add(subscription)
    await invoice_period(subscription, command.at, uow)
    return subscription


async def change_plan(command: ChangePlan, uow: UnitOfWork) -> Subscription:
    """Raises AlreadyCanceled, PlanUnchanged."""
    subscription = await lock_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.change(command.plan, command.at)
    return subscription


async def cancel_subscription(command: CancelSubscription, uow: UnitOfWork) -> Subscription:
    """Open invoices remain open. Raises AlreadyCanceled."""
    subscription = await lock_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.cancel(command.at, at_period_end=command.at_period_end)
    return subscription


async def invoice_period(subscription: Subscription, at: datetime, uow: UnitOfWork) -> None:
    """Creates and finalizes the invoice of the current period. Raises ConcurrencyConflict, at
    commit at the latest, if the period already has its invoice.
    """
    plan, period = subscription.plan, subscription.period
    invoice = Invoice.create(
        subscription.invoice_id,
        subscription.tenant_id,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        currency=plan.currency,
        at=at,
    )
    description = f"{plan.code}, {period.since:%Y-%m-%d} to {period.until:%Y-%m-%d}"
    invoice.add_line(uuid5(invoice.id, "period"), description, 1, plan.price, at)
    uow.add(invoice)
    await finalize(invoice, at, uow)


_columns = subscriptions.c


async def renew_subscription(command: RenewSubscription, uow: UnitOfWork) -> bool:
    """Begins one period at a time: each missed period has its own invoice. A customer in arrears
    cannot use a new period, so that the subscription ends instead.
    """
    subscription = await lock_subscription(command.subscription_id, uow)
    if not subscription.is_due(command.at):
        return False
    customer = await uow.load(Customer, subscription.customer_id)
    if customer.erased:  # erased after they subscribed
        subscription.end("erased", command.at)
    elif customer.in_arrears:
        subscription.end("nonpayment", command.at)
    else:
        subscription.renew(command.at)
        await invoice_period(subscription, command.at, uow)
    return True


async def due_subscriptions(at: datetime, limit: int, uow: UnitOfWork) -> Sequence[UUID]:
    """Up to `limit` due subscriptions in random order, so that subscriptions that cannot be renewed
    do not block the others in each round.
    """
    query = select(_columns.subscription_id).where(*_is_due(at)).order_by(func.random()).limit(limit)
    return (await uow.rows.execute(query)).scalars().all()


async def tenants_with_due(rows: AsyncConnection) -> Sequence[TenantId]:
    """Tenants with due subscriptions, among the bound tenants. A partial index holds the
    subscriptions that still renew, by period end.
    """
    query = select(_columns.tenant_id).where(*_is_due(func.now())).distinct()
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]


def _is_due(at: datetime | ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return _columns.status != SubscriptionStatus.CANCELED.value, _columns.period_end <= at
