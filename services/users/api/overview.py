"""The invoices, amounts and subscriptions of a user, as billing published them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.users import queries
from services.users.api.context import Context
from services.users.queries.overview import overview_of
from waypost.kernel.errors import NotFound
from waypost.web.auth import Caller
from waypost.web.models import ResponseModel

router = APIRouter(prefix="/users", tags=["users"])


class AmountsView(ResponseModel):
    """Sums in minor units of the currency."""

    currency: str
    invoiced_minor: int
    """Finalized invoices that were not voided: open, paid and uncollectible."""
    open_minor: int
    paid_minor: int
    """Before refunds and disputes."""
    uncollectible_minor: int
    """Written off, and not paid since."""
    refunded_minor: int
    disputed_minor: int
    """Withdrawn by the provider for disputes that are open or lost."""


class PaymentView(ResponseModel):
    invoice_id: UUID
    number: int
    amount_minor: int
    currency: str
    paid_at: datetime


class BilledSubscriptionView(ResponseModel):
    id: UUID
    plan: str
    interval: str
    amount_minor: int
    currency: str
    status: str
    period_end: datetime
    cancel_at: datetime | None


class OverviewView(ResponseModel):
    user_id: UUID
    invoices: Mapping[str, int] = Field(examples=[{"open": 1, "paid": 3, "void": 0, "uncollectible": 0}])
    """Number of finalized invoices by status."""
    amounts: Sequence[AmountsView]
    """By currency."""
    last_payment: PaymentView | None
    subscriptions: Mapping[str, int] = Field(
        examples=[{"trialing": 0, "incomplete": 0, "active": 1, "past_due": 0, "canceled": 2}]
    )
    """Number of subscriptions by status."""
    current_subscriptions: Sequence[BilledSubscriptionView]
    """Subscriptions that have not ended, newest first, 50 at most."""


@router.get("/{user_id}/overview")
async def show_overview(user_id: UUID, caller: Caller, context: Context) -> OverviewView:
    """Returns the number of a user's invoices and subscriptions, and the sums of the amounts. It
    follows billing by about a second. Members see themselves, admins all users.
    """
    if not caller.may_see(user_id):
        raise NotFound(f"there is no user {user_id}")
    async with context.bus.units.begin() as uow:
        await queries.account(uow.rows, user_id)
        overview = await overview_of(uow.rows, caller.tenant_id, user_id)
    return OverviewView(
        user_id=user_id,
        invoices=overview.invoices,
        amounts=[AmountsView.model_validate(each) for each in overview.amounts],
        last_payment=overview.last_payment and PaymentView.model_validate(overview.last_payment),
        subscriptions=overview.subscriptions,
        current_subscriptions=[BilledSubscriptionView.model_validate(each) for each in overview.current_subscriptions],
    )
