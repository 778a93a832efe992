"""Invitations to the caller's tenant, and requests to join it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from services.users import queries
from services.users.adapters.one_time_tokens import fresh_token
from services.users.api.context import Context
from services.users.api.limits import MAILED_LINK
from services.users.api.mailed_tokens import parse_token
from services.users.api.models import DEFAULT_LOCALE, EmailAddress, Locale, Token, UserView
from services.users.api.new_passwords import require_strong, share_of
from services.users.commands import AcceptInvitation, ApproveRequest, Invite, RevokeInvitation
from services.users.domain import InvitationStatus, SealedToken, Tenant, TokenNotValid
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.web.auth import AdminCaller
from waypost.web.idempotency import Executor
from waypost.web.limited import Admission, limited
from waypost.web.models import OneLine, Password, RequestModel, ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.policies import public
from waypost.web.responses import created, shown

router = APIRouter(prefix="/invitations", tags=["joining"])

INVITATION_LIFETIME = timedelta(days=7)

_STATUS = "`requested`: waits for an approval. `sent`: the link was mailed. Without it, both."


class NewInvitation(RequestModel):
    email: EmailAddress = Field(repr=False)
    role: Literal[Role.ADMIN, Role.MEMBER] = Role.MEMBER
    locale: Locale = DEFAULT_LOCALE
    """The language of the mail, and of the new user."""


class Acceptance(Token):
    password: Password = Field(repr=False)
    display_name: OneLine = Field(repr=False)
    locale: Locale | None = None
    """Without it, the locale of the invitation."""


class InvitationView(ResponseModel):
    id: UUID
    email: str = Field(repr=False)
    display_name: str | None = Field(default=None, repr=False)
    """The name that the person entered who asked to join. Neither it nor the address is proved."""
    role: Role | str | None
    """The role of the person who accepts; null for a request."""
    locale: str
    status: InvitationStatus | str
    """requested: waits for an approval; sent: the link was mailed."""
    invited_by: UUID | None
    expires_at: datetime


@router.get("")
async def list_invitations(
    page: Annotated[PageRequest[UUID], paged_by(UUID)],
    caller: AdminCaller,
    context: Context,
    status: Annotated[Literal["requested", "sent"] | None, Query(description=_STATUS)] = None,
) -> Page[InvitationView]:
    """Lists open invitations, and requests that wait for an approval, oldest first."""
    async with context.bus.units.begin() as uow:
        rows = await queries.open_invitations_of_tenant(
            uow.rows, status=status, at=context.now, after=page.after, limit=page.rows
        )
    return page.of(rows, _view, position=lambda row: row.invitation_id)


@router.post("", status_code=201, response_model=InvitationView)
async def invite(body: NewInvitation, caller: AdminCaller, context: Context, execute: Executor) -> Response:
    """Mails an invitation with a link that works once, for seven days. An admin invites members,
    the owner admins too; the caller's own address must be verified.
    """
    command = Invite(
        invitation_id=new_id(),
        tenant_id=caller.tenant_id,
        email=body.email,
        role=body.role,
        locale=body.locale,
        inviter_id=caller.user_id,
        token=_sealed_token(caller.tenant_id, context),
        at=context.now,
    )
    return await execute(command, lambda made: shown(InvitationView.model_validate(made), status=201))


@router.post("/accept", status_code=201, response_model=UserView)
@public("the token of the mailed link names the tenant and proves the address")
async def accept(body: Acceptance, context: Context, admission: Annotated[Admission, limited(MAILED_LINK)]) -> Response:
    """Joins with the one-time token of the mail. The token proves the address, so the user is
    verified at once, and what others registered for the address before ends.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        async with context.bus.units.begin() as uow:
            email = await queries.address_of_invitation(uow.rows, token.digest, context.now)
            tenant = await uow.find(Tenant, token.tenant_id)
    if email is None:
        raise TokenNotValid
    require_strong(body.password, email, tenant)
    share = share_of(token.tenant_id, admission, exists=True)
    command = AcceptInvitation(
        digest=token.digest,
        user_id=new_id(),
        display_name=body.display_name,
        locale=body.locale,
        password_hash=await context.resources.passwords.hash(body.password, share),
        at=context.now,
    )
    with bound_tenants([token.tenant_id]):
        user = await context.bus.handle(command)
    return created(UserView.model_validate(user), f"/users/{user.id}", version=user.version)


@router.post("/{invitation_id}/approve", response_model=InvitationView)
async def approve(invitation_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Approves a request to join: mails an invitation as a member to its address. 409 if it was
    approved already, if the address became that of a user, or if the tenant has its maximum of open
    invitations.
    """
    command = ApproveRequest(
        invitation_id=invitation_id,
        inviter_id=caller.user_id,
        token=_sealed_token(caller.tenant_id, context),
        at=context.now,
    )
    return shown(InvitationView.model_validate(await context.bus.handle(command)))


@router.delete("/{invitation_id}", status_code=204)
async def revoke(invitation_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Revokes an invitation, whose link ends, or refuses a request. Nothing is mailed."""
    await context.bus.handle(RevokeInvitation(invitation_id=invitation_id, at=context.now))
    return Response(status_code=204)


def _sealed_token(tenant_id: TenantId, context: Context) -> SealedToken:
    return context.resources.sealer.seal(fresh_token(tenant_id), context.now + INVITATION_LIFETIME)


def _view(row: Any) -> InvitationView:
    return InvitationView(
        id=row.invitation_id,
        email=row.email,
        display_name=row.display_name,
        role=row.role,
        locale=row.locale,
        status=row.status,
        invited_by=row.invited_by,
        expires_at=row.expires_at,
    )
