"""Subscriptions and their renewals. Each period begins with its invoice and its charge, in one
transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.commands import (
    CancelSubscription,
    ChangePlan,
    CreateSubscription,
    RenewSubscription,
    UncancelSubscription,
)
from services.billing.domain import Customer, Invoice, Plan, Subscription, SubscriptionStatus
from services.billing.domain.cycle import invoice_of
from services.billing.domain.errors import AlreadySubscribed, CurrencyDiffers, NoPaymentMethod, NoTrial, TrialUsed
from services.billing.handlers.arrears import require_no_arrears
from services.billing.handlers.customer_lock import lock_customer
from services.billing.handlers.invoices import finalize
from services.billing.handlers.subscription_status import lock_subscription
from services.billing.handlers.tax_rows import default_tax_rate
from services.billing.tables import subscriptions
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork


async def create_subscription(command: CreateSubscription, uow: UnitOfWork) -> Subscription:
    """Raises NotFound for an unknown customer, CustomerIsErased, CustomerInArrears,
    TenantInArrears, NoPaymentMethod, AlreadySubscribed, CurrencyDiffers, NoTrial, TrialUsed.
    """
    customer = await lock_customer(command.customer_id, uow)
    customer.require_present()
    await require_no_arrears(customer, uow)
    if customer.default_payment_method is None:
        raise NoPaymentMethod
    await _require_compatible(command.plan, customer.id, None, uow)
    if command.with_trial:
        await _require_trial(command.plan, customer.id, uow)
    subscription = Subscription.start(
        command.subscription_id,
        customer.tenant_id,
        customer_id=customer.id,
        plan=command.plan,
        at=command.at,
        with_trial=command.with_trial,
    )
    uow.add(subscription)
    if not command.with_trial:
        await invoice_period(subscription, command.at, uow)
    return subscription


async def change_plan(command: ChangePlan, uow: UnitOfWork) -> Subscription:
    """Raises AlreadyCanceled, CurrencyDiffers, PlanUnchanged, AlreadySubscribed."""
    await _lock_customer_of(command.subscription_id, uow)
    subscription = await lock_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.change(command.plan, command.at)
    await _require_compatible(command.plan, subscription.customer_id, subscription.id, uow)
    return subscription


async def cancel_subscription(command: CancelSubscription, uow: UnitOfWork) -> Subscription:
    """Open invoices remain open. Raises AlreadyCanceled."""
    subscription = await lock_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.cancel(command.at, at_period_end=command.at_period_end)
    return subscription


async def uncancel_subscription(command: UncancelSubscription, uow: UnitOfWork) -> Subscription:
    """Raises AlreadyCanceled, NotCanceled."""
    subscription = await lock_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.uncancel(command.at)
    return subscription


async def invoice_period(subscription: Subscription, at: datetime, uow: UnitOfWork) -> None:
    """Creates and finalizes the invoice of the current period, with the tenant's default tax rate.
    Raises ConcurrencyConflict, at commit at the latest, if the period already has its invoice.
    """
    plan, period = subscription.plan, subscription.period
    invoice = Invoice.create(
        invoice_of(subscription.id, period.since),
        subscription.tenant_id,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        currency=plan.currency,
        at=at,
    )
    description = f"{plan.code}, {period.since:%Y-%m-%d} to {period.until:%Y-%m-%d}"
    rate = await default_tax_rate(uow.rows)
    invoice.add_line(uuid5(invoice.id, "period"), description, 1, plan.price, at, rate)
    uow.add(invoice)
    await finalize(invoice, at, uow)


_columns = subscriptions.c


async def renew_subscription(command: RenewSubscription, uow: UnitOfWork) -> bool:
    """Begins one period at a time: each missed period has its own invoice. A subscription that was
    canceled or never paid, or whose customer is erased or in arrears, ends instead.
    """
    subscription = await lock_subscription(command.subscription_id, uow)
    if not subscription.is_due(command.at):
        return False
    customer = await uow.load(Customer, subscription.customer_id)
    reason = subscription.reason_to_end(erased=customer.erased, in_arrears=customer.in_arrears)
    if reason is not None:
        subscription.end(reason, command.at)
    else:
        subscription.renew(command.at)
        await invoice_period(subscription, command.at, uow)
    return True


async def _require_compatible(plan: Plan, customer_id: UUID, apart_from: UUID | None, uow: UnitOfWork) -> None:
    """Compares the plan with the customer's other running subscriptions and their next plans. The
    caller holds the customer's lock. Raises AlreadySubscribed, CurrencyDiffers.
    """
    running = (_columns.customer_id == customer_id, _columns.status != SubscriptionStatus.CANCELED.value)
    query = select(
        _columns.plan, _columns.next_plan, _columns.next_from, _columns.period_start, _columns.currency
    ).where(*running)
    if apart_from is not None:
        query = query.where(_columns.subscription_id != apart_from)
    for other in await uow.rows.execute(query):
        if other.currency != plan.currency:
            raise CurrencyDiffers(currency=other.currency)
        is_to_change = other.next_from is not None and other.next_from > other.period_start
        if plan.code in (other.plan, other.next_plan if is_to_change else None):
            raise AlreadySubscribed


async def _require_trial(plan: Plan, customer_id: UUID, uow: UnitOfWork) -> None:
    """A customer has one trial, also if its subscription has ended. Raises NoTrial, TrialUsed."""
    if plan.trial_days == 0:
        raise NoTrial
    had_one = (_columns.customer_id == customer_id, _columns.trial_end.is_not(None))
    query = select(_columns.subscription_id).where(*had_one).limit(1)
    if (await uow.rows.execute(query)).one_or_none() is not None:
        raise TrialUsed


async def _lock_customer_of(subscription_id: UUID, uow: UnitOfWork) -> None:
    """The customer is locked before the subscription; the customer of a subscription never
    changes.
    """
    query = select(_columns.customer_id).where(_columns.subscription_id == subscription_id)
    customer_id = (await uow.rows.execute(query)).scalar_one_or_none()
    if customer_id is not None:
        await lock_customer(customer_id, uow)


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
