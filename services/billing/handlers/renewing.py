"""Renewals: the next period of a subscription, with its invoice."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.commands import RenewSubscription
from services.billing.domain import Customer, SubscriptionStatus
from services.billing.handlers.standing import locked_subscription
from services.billing.handlers.subscribing import invoice_period
from services.billing.tables import subscriptions
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

_columns = subscriptions.c


async def renew_subscription(command: RenewSubscription, uow: UnitOfWork) -> bool:
    """One period at a time: of a subscription that was away for long each has its own invoice."""
    subscription = await locked_subscription(command.subscription_id, uow)
    if not subscription.is_due(command.at):
        return False
    customer = await uow.load(Customer, subscription.customer_id)
    if customer.erased:  # while they subscribed
        subscription.end("erased", command.at)
    else:
        subscription.renew(command.at)
        await invoice_period(subscription, command.at, uow)
    return True


async def due(at: datetime, limit: int, uow: UnitOfWork) -> Sequence[UUID]:
    """In no order: some that cannot be renewed must not keep the same others waiting round after
    round.
    """
    query = select(_columns.subscription_id).where(*_due(at)).order_by(func.random()).limit(limit)
    return (await uow.rows.execute(query)).scalars().all()


async def tenants_with_due(rows: AsyncConnection) -> Sequence[TenantId]:
    """Of those bound. An index holds what is still renewed, by the end of its period."""
    query = select(_columns.tenant_id).where(*_due(func.now())).distinct()
    return [TenantId(each) for each in (await rows.execute(query)).scalars()]


def _due(at: datetime | ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return _columns.status != SubscriptionStatus.CANCELED.value, _columns.period_end <= at
