"""The plans that customers can subscribe to."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.billing.api.context import Context
from services.billing.api.models import OfferedPlan
from services.billing.domain import Plan
from services.billing.domain.errors import PlanUnknown
from waypost.web.auth import Caller

router = APIRouter(prefix="/plans", tags=["subscriptions"])


@router.get("")
async def list_plans(caller: Caller, context: Context) -> Sequence[OfferedPlan]:
    """Lists the available plans, the same for all tenants."""
    return [OfferedPlan.model_validate(plan) for plan in context.resources.plans]


def plan_named(code: str, context: Context) -> Plan:
    """The plan with this code. Raises PlanUnknown."""
    for plan in context.resources.plans:
        if plan.code == code:
            return plan
    raise PlanUnknown
