"""What can be subscribed to."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.billing.api.edge import Here
from services.billing.api.models import PlanView
from services.billing.domain import Plan
from services.billing.domain.refusals import PlanUnknown
from waypost.web.auth import Caller

router = APIRouter(prefix="/plans", tags=["subscriptions"])


@router.get("")
async def list_plans(caller: Caller, here: Here) -> Sequence[PlanView]:
    """Every plan that can be subscribed to now, the same for all tenants."""
    return [PlanView.model_validate(each) for each in here.resources.plans]


def plan_named(code: str, here: Here) -> Plan:
    """Raises PlanUnknown."""
    for plan in here.resources.plans:
        if plan.code == code:
            return plan
    raise PlanUnknown
