"""`/ops/users`: changes by an operator, for example if no admin of the tenant can sign in."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.users.api.context import Context
from services.users.api.models import UserView
from services.users.commands import ReactivateUser
from services.users.handlers.membership import reactivate_user
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.operations.tenant_rows import record_change
from waypost.web.auth import OperatorCaller
from waypost.web.ops.edge import ReasonedRequest
from waypost.web.responses import shown

router = APIRouter(prefix="/ops/users", tags=["operators"])


class ReactivationRequest(ReasonedRequest):
    tenant_id: UUID


@router.post("/{user_id}/reactivate", response_model=UserView)
async def reactivate_by_operator(
    user_id: UUID, body: ReactivationRequest, operator: OperatorCaller, context: Context
) -> Response:
    """Reactivates a suspended user of any tenant; 409 if the user is not
    suspended.
    """
    tenant_id = TenantId(body.tenant_id)
    with bound_tenants([tenant_id]):
        async with context.bus.units.begin() as uow:
            user = await reactivate_user(ReactivateUser(user_id=user_id, at=context.now), uow)
            await record_change(
                uow,
                body.audited_by(operator),
                verb="users.reactivate",
                subject=user_id,
                tenant_id=tenant_id,
            )
    return shown(UserView.model_validate(user), version=user.version)
