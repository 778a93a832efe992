"""Forgotten and changed passwords. The responses hold secrets or nothing, so none is stored for an
Idempotency-Key.
"""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from services.users import queries
from services.users.adapters.one_time_tokens import fresh_token
from services.users.api.context import Context
from services.users.api.limits import FORGOTTEN_PASSWORD, MAILED_LINK
from services.users.api.mailed_tokens import parse_token
from services.users.api.models import ForgottenPassword, NewPassword, PasswordChange, SessionView
from services.users.api.new_passwords import require_strong, share_of
from services.users.api.password_checks import require_own_password
from services.users.api.sessions import session_response, session_token
from services.users.api.user_agent import UserAgent
from services.users.commands import ChangePassword, RequestPasswordLink, ResetPassword, Session
from services.users.domain import Tenant, TokenNotValid
from services.users.ports import Share
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.web.auth import Caller
from waypost.web.limited import Admission, limited
from waypost.web.policies import public

router = APIRouter(prefix="/password", tags=["passwords"])


@router.post("/forgot", status_code=202, response_class=Response)
@public("a person who forgot the password has no token; the link goes to the mailbox")
async def forgot(
    body: ForgottenPassword, context: Context, admission: Annotated[Admission, limited(FORGOTTEN_PASSWORD)]
) -> Response:
    """Mails a link that sets a new password. Response and timing are the same for known and unknown
    addresses: only the mail differs.
    """
    admission.tenant(body.tenant_id)
    admission.address(body.tenant_id, body.email)
    with bound_tenants([body.tenant_id]):
        await context.bus.handle(
            RequestPasswordLink(
                tenant_id=body.tenant_id, email=body.email, placeholder_user_id=new_id(), at=context.now
            )
        )
    return Response(status_code=202)


@router.post("/reset", status_code=204)
@public("the one-time token of the mail authenticates the person")
async def reset(body: NewPassword, context: Context, admission: Annotated[Admission, limited(MAILED_LINK)]) -> Response:
    """Sets a password with the one-time token of the mail, and ends all sessions."""
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        async with context.bus.units.begin() as uow:
            email = await queries.address_of_password_link(uow.rows, token.digest, context.now)
            tenant = await uow.find(Tenant, token.tenant_id)
    if email is None:
        raise TokenNotValid
    require_strong(body.password, email, tenant)
    share = share_of(token.tenant_id, admission, exists=True)
    password_hash = await context.resources.passwords.hash(body.password, share)
    with bound_tenants([token.tenant_id]):
        await context.bus.handle(ResetPassword(digest=token.digest, password_hash=password_hash, at=context.now))
    return Response(status_code=204)


@router.post("/change", response_model=SessionView)
async def change(body: PasswordChange, caller: Caller, user_agent: UserAgent, context: Context) -> Response:
    """Changes the password, ends all sessions and returns the tokens of a new one."""
    async with context.bus.units.begin() as uow:
        own = await queries.credentials_of_user(uow.rows, caller.user_id)
        tenant = await uow.find(Tenant, caller.tenant_id)
    if own is not None:
        require_strong(body.new_password, own.email, tenant)
    proved = await require_own_password(body.current_password, own, caller, context)
    share = Share(tenant=caller.tenant_id, network=caller.user_id)
    refresh, session_id = fresh_token(caller.tenant_id), new_id()
    user = await context.bus.handle(
        ChangePassword(
            user_id=caller.user_id,
            verified_hash=proved.password_hash,
            password_hash=await context.resources.passwords.hash(body.new_password, share),
            session_id=session_id,
            refresh_token=session_token(refresh, context, user_agent),
            at=context.now,
        )
    )
    return session_response(Session(user=user, session_id=session_id), refresh, context)
