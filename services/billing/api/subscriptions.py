"""Subscriptions. Each period is invoiced automatically, with an ordinary invoice."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.billing import queries
from services.billing.api.context import Context
from services.billing.api.models import Cancellation, NewSubscription, PlanChange, SubscriptionView
from services.billing.api.plans import plan_named
from services.billing.commands import CancelSubscription, ChangePlan, CreateSubscription, UncancelSubscription
from services.billing.domain import Subscription, SubscriptionStatus
from services.billing.queries import SubscriptionFilter
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller, Caller
from waypost.web.history import EventView, VersionPage, event_page
from waypost.web.idempotency import Executor
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.responses import ExpectedVersion, created, shown

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

_AT_PERIOD_END = Cancellation()


@router.post("", status_code=201, response_model=SubscriptionView)
async def create_subscription(
    body: NewSubscription, caller: AdminCaller, context: Context, execute: Executor
) -> Response:
    """Subscribes a customer. The first period begins now, and the default card is charged now, or
    at the end of the trial. A customer has one subscription per plan, one currency for all
    subscriptions, and one trial.
    """
    plan = plan_named(body.plan, context)
    command = CreateSubscription(
        subscription_id=new_id(), customer_id=body.customer_id, plan=plan, with_trial=body.trial, at=context.now
    )
    return await execute(command, _added)


@router.post("/{subscription_id}/change", response_model=SubscriptionView)
async def change_plan(
    subscription_id: UUID,
    body: PlanChange,
    caller: AdminCaller,
    expected: ExpectedVersion,
    context: Context,
    execute: Executor,
) -> Response:
    """Changes the plan, or moves to the current price of the same plan, from the next period. The
    currency stays.
    """
    plan = plan_named(body.plan, context)
    command = ChangePlan(subscription_id=subscription_id, plan=plan, expected_version=expected, at=context.now)
    return await execute(command, _changed)


@router.post("/{subscription_id}/cancel", response_model=SubscriptionView)
async def cancel_subscription(
    subscription_id: UUID,
    caller: AdminCaller,
    expected: ExpectedVersion,
    context: Context,
    execute: Executor,
    body: Cancellation = _AT_PERIOD_END,
) -> Response:
    """Cancels the subscription, at the end of its period (`cancel_at`, with the status unchanged
    until then) or now. Payments are not refunded, and open invoices remain open.
    """
    command = CancelSubscription(
        subscription_id=subscription_id,
        at_period_end=body.at == "period_end",
        expected_version=expected,
        at=context.now,
    )
    return await execute(command, _changed)


@router.post("/{subscription_id}/uncancel", response_model=SubscriptionView)
async def uncancel_subscription(
    subscription_id: UUID, caller: AdminCaller, expected: ExpectedVersion, context: Context, execute: Executor
) -> Response:
    """Takes back a cancellation at the end of the period, as long as it has not taken effect."""
    command = UncancelSubscription(subscription_id=subscription_id, expected_version=expected, at=context.now)
    return await execute(command, _changed)


@router.get("")
async def list_subscriptions(
    page: Annotated[PageRequest[UUID], paged_by(UUID)],
    caller: Caller,
    context: Context,
    customer_id: Annotated[UUID | None, Query(description="Only subscriptions of this customer.")] = None,
    status: Annotated[SubscriptionStatus | None, Query(description="Only subscriptions with this status.")] = None,
) -> Page[SubscriptionView]:
    """Lists subscriptions, newest first. Members see their own: none of another customer."""
    wanted = SubscriptionFilter(confined_to=caller.confined_to, customer_id=customer_id, status=status)
    async with context.bus.units.begin() as uow:
        rows = await queries.latest_subscriptions(uow.rows, wanted, before=page.after, limit=page.rows)
    return page.of(rows, SubscriptionView.model_validate, position=lambda row: row.id)


@router.get("/{subscription_id}", response_model=SubscriptionView)
async def show_subscription(subscription_id: UUID, caller: Caller, context: Context) -> Response:
    """Returns one subscription; members see their own."""
    async with context.bus.units.begin() as uow:
        row = await queries.subscription(uow.rows, subscription_id, customer_id=caller.confined_to)
    return shown(SubscriptionView.model_validate(row), version=row.version)


@router.get("/{subscription_id}/events")
async def show_events(subscription_id: UUID, page: VersionPage, caller: Caller, context: Context) -> Page[EventView]:
    """Lists the subscription's events, oldest first."""
    async with context.bus.units.begin() as uow:
        await queries.subscription(uow.rows, subscription_id, customer_id=caller.confined_to)
        return await event_page(Subscription, subscription_id, page, uow)


def _added(subscription: Subscription) -> Response:
    view = SubscriptionView.model_validate(subscription)
    return created(view, f"/subscriptions/{subscription.id}", version=subscription.version)


def _changed(subscription: Subscription) -> Response:
    return shown(SubscriptionView.model_validate(subscription), version=subscription.version)
