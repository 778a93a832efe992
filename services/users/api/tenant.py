"""The caller's tenant: its name, its owner, its end."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.users.api.context import Context
from services.users.api.models import UserView
from services.users.api.own_sessions import acting
from services.users.commands.identity import CloseTenant, RenameTenant, TransferOwnership
from services.users.domain import Tenant, TenantStatus
from waypost.web.auth import Caller, OwnerCaller
from waypost.web.models import OneLine, RequestModel, ResponseModel
from waypost.web.responses import shown

router = APIRouter(prefix="/tenant", tags=["tenants"])


class TenantName(RequestModel):
    name: OneLine


class NewOwner(RequestModel):
    user_id: UUID


class TenantView(ResponseModel):
    id: UUID
    name: str
    status: TenantStatus
    version: int


@router.get("", response_model=TenantView)
async def show_tenant(caller: Caller, context: Context) -> Response:
    """Returns the caller's tenant."""
    async with context.bus.units.begin() as uow:
        tenant = await uow.load(Tenant, caller.tenant_id)
    return _shown(tenant)


@router.patch("", response_model=TenantView)
async def rename(body: TenantName, caller: OwnerCaller, context: Context) -> Response:
    """Renames the tenant. Mails and new invoices show the new name."""
    return _shown(await context.bus.handle(RenameTenant(tenant_id=caller.tenant_id, name=body.name, at=context.now)))


@router.post("/owner", response_model=UserView)
async def transfer(body: NewOwner, caller: OwnerCaller, context: Context) -> Response:
    """Makes another active user the owner, and the caller an admin. Returns the new owner. Requires
    a session that was confirmed recently.
    """
    command = TransferOwnership(actor=acting(caller), new_owner_id=body.user_id, at=context.now)
    owner = await context.bus.handle(command)
    return shown(UserView.model_validate(owner), version=owner.version)


@router.post("/close", status_code=204)
async def close(caller: OwnerCaller, context: Context) -> Response:
    """Closes the tenant for good: all sessions end, sign-ins are refused, and no scheduled job runs
    for it. Its data stays. Requires a session that was confirmed recently.
    """
    await context.bus.handle(CloseTenant(tenant_id=caller.tenant_id, actor=acting(caller), at=context.now))
    return Response(status_code=204)


def _shown(tenant: Tenant) -> Response:
    view = TenantView(id=tenant.id, name=tenant.name, status=tenant.status, version=tenant.version)
    return shown(view, version=tenant.version)
