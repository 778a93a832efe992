"""Registration of tenants and users. These routes need no access token."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from services.users import queries
from services.users.adapters.common_passwords import is_common
from services.users.adapters.one_time_tokens import fresh_token
from services.users.api.context import Context
from services.users.api.limits import NEW_TENANT, SIGN_UP
from services.users.api.models import NewTenant, NewUser, OpenedTenant, Owner, UserView
from services.users.api.new_passwords import share_of
from services.users.commands import OpenTenant, Registration, SignUp
from services.users.domain.password_rules import refuse_easy
from services.users.ports import Share
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.web.idempotency import Executor
from waypost.web.limited import Admission, limited
from waypost.web.policies import public
from waypost.web.responses import created

router = APIRouter(tags=["registration"])

VERIFICATION_LIFETIME = timedelta(days=2)


@router.post("/tenants", status_code=201, response_model=OpenedTenant)
@public("anyone may open a tenant")
async def open_tenant(
    body: NewTenant, context: Context, execute: Executor, admission: Annotated[Admission, limited(NEW_TENANT)]
) -> Response:
    """Opens a tenant with its owner. Without `join_policy` only invited people join it. A repeated
    request with the same Idempotency-Key returns the same tenant. The key counts together with the
    owner's address, so no other person's key is in the way. The owner signs in at once. An address
    that received too many mails in the last hour is mailed no link; a later `POST /signup` with it
    mails one.
    """
    tenant_id = (
        TenantId(new_id())
        if execute.key is None
        else context.resources.tenant_ids.derived(execute.key, body.owner.email)
    )
    refuse_easy(body.owner.password, is_common, [body.owner.email, body.name])
    share = share_of(tenant_id, admission, exists=False)
    owner = await _registration(context, tenant_id, body.owner, share)
    command = OpenTenant(
        tenant_id=tenant_id, name=body.name, owner=owner, join_policy=body.join_policy.policy, at=context.now
    )
    with bound_tenants([tenant_id]):
        return await execute(
            command,
            lambda tenant: created(
                OpenedTenant(tenant_id=tenant.id, owner_id=owner.user_id), f"/users/{owner.user_id}"
            ),
        )


@router.post("/signup", status_code=201, response_model=UserView)
@public("anyone may ask to join; the person proves the address by mail")
async def sign_up(
    body: NewUser, context: Context, execute: Executor, admission: Annotated[Admission, limited(SIGN_UP)]
) -> Response:
    """Registers a user in a tenant that admits the address (`PUT /join-policy`). The response is
    the same for free and taken addresses, admitted or not, and for unknown tenants; only the mail
    differs. With approval no mail comes before an admin has approved.
    """
    admission.tenant(body.tenant_id)
    admission.address(body.tenant_id, body.email)
    # Not compared with the company's name: the refusal would reveal the tenant.
    refuse_easy(body.password, is_common, [body.email])
    with bound_tenants([body.tenant_id]):
        async with context.bus.units.begin() as uow:
            share = share_of(body.tenant_id, admission, exists=await queries.has_users(uow.rows))
    registration = await _registration(context, body.tenant_id, body, share)
    command = SignUp(tenant_id=body.tenant_id, registration=registration, at=context.now)
    with bound_tenants([body.tenant_id]):
        return await execute(
            command,
            lambda user: created(UserView.model_validate(user), f"/users/{user.id}", version=user.version),
        )


async def _registration(context: Context, tenant_id: TenantId, person: Owner, share: Share) -> Registration:
    """Hashes the password and seals a verification token. Raises Unavailable when too many
    passwords wait to be hashed.
    """
    token = fresh_token(tenant_id)
    return Registration(
        user_id=new_id(),
        email=person.email,
        display_name=person.display_name,
        locale=person.locale,
        password_hash=await context.resources.passwords.hash(person.password, share),
        verification=context.resources.sealer.seal(token, context.now + VERIFICATION_LIFETIME),
    )
