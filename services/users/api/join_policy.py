"""Who may join the caller's tenant by a sign-up."""

from fastapi import APIRouter
from starlette.responses import Response

from services.users.api.context import Context
from services.users.api.models import JoinPolicyModel, JoinPolicyView
from services.users.commands import SetJoinPolicy
from services.users.domain import Tenant
from waypost.web.auth import AdminCaller, OwnerCaller
from waypost.web.responses import ExpectedVersion, shown

router = APIRouter(prefix="/join-policy", tags=["joining"])


@router.get("", response_model=JoinPolicyView)
async def show_join_policy(caller: AdminCaller, context: Context) -> Response:
    """Returns the join policy of the tenant."""
    async with context.bus.units.begin() as uow:
        tenant = await uow.load(Tenant, caller.tenant_id)
    return _shown(tenant)


@router.put("", response_model=JoinPolicyView)
async def set_join_policy(
    body: JoinPolicyModel, caller: OwnerCaller, expected: ExpectedVersion, context: Context
) -> Response:
    """Sets the join policy, for sign-ups from now on. A person who was admitted before may still
    verify the address, and invitations stay open. With If-Match, only if the version of the tenant
    matches.
    """
    command = SetJoinPolicy(tenant_id=caller.tenant_id, policy=body.policy, expected_version=expected, at=context.now)
    return _shown(await context.bus.handle(command))


def _shown(tenant: Tenant) -> Response:
    return shown(JoinPolicyView.model_validate(tenant.join_policy), version=tenant.version)
