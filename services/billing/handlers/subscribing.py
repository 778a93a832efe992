"""Subscriptions: each period begins with its invoice, in one transaction, and with its charge."""

from datetime import datetime
from uuid import uuid5

from services.billing.commands import CancelSubscription, ChangePlan, CreateSubscription
from services.billing.domain import Customer, Invoice, Subscription
from services.billing.domain.refusals import NoPaymentMethod
from services.billing.handlers.invoicing import finalize
from services.billing.handlers.standing import locked_subscription
from waypost.ports.unit_of_work import UnitOfWork


async def create_subscription(command: CreateSubscription, uow: UnitOfWork) -> Subscription:
    """Raises NotFound for an unknown customer, CustomerIsErased, NoPaymentMethod."""
    customer = await uow.load(Customer, command.customer_id)
    customer.require_present()
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
    subscription = await locked_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.change(command.plan, command.at)
    return subscription


async def cancel_subscription(command: CancelSubscription, uow: UnitOfWork) -> Subscription:
    """What is owed stays owed. Raises AlreadyCanceled."""
    subscription = await locked_subscription(command.subscription_id, uow)
    subscription.expect(command.expected_version)
    subscription.cancel(command.at, at_period_end=command.at_period_end)
    return subscription


async def invoice_period(subscription: Subscription, at: datetime, uow: UnitOfWork) -> None:
    """Of the period that begins with it. Raises ConcurrencyConflict, at the latest when it is
    stored, where the period has its invoice.
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
