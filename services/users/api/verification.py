"""The link of a verification mail. The link alone verifies nothing: a person who signed up with
another person's address would get an account that the reader of the mail has opened.
"""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response

from services.users import queries
from services.users.api.context import Context
from services.users.api.limits import MAILED_LINK
from services.users.api.mailed_tokens import parse_token
from services.users.api.models import AnyPassword, Token, UserView
from services.users.api.new_passwords import require_strong, share_of
from services.users.api.password_checks import require_password_of_link
from services.users.commands import DeclineSignUp, VerifyEmail, VerifyWithNewPassword
from services.users.domain import Tenant, TokenNotValid
from waypost.kernel.tenant import bound_tenants
from waypost.web.limited import Admission, limited
from waypost.web.models import Password
from waypost.web.policies import public
from waypost.web.responses import shown

router = APIRouter(prefix="/verify", tags=["registration"])


class Verification(Token):
    """Exactly one of both passwords."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"token": "tok_4fQk2", "password": "the password of the sign-up"}]}
    )

    password: AnyPassword | None = Field(default=None, repr=False)
    """The password of the sign-up to which the link belongs."""
    new_password: Password | None = Field(default=None, repr=False)
    """A password that replaces it."""

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.new_password is None):
            raise ValueError("send either `password`, that of the sign-up, or `new_password`, which replaces it")
        return self


@router.post("", response_model=UserView)
@public("the one-time token of the mail, with a password, authenticates the person")
async def verify(
    body: Verification, context: Context, admission: Annotated[Admission, limited(MAILED_LINK)]
) -> Response:
    """Verifies an address with the one-time token of the mail, and with the password of the
    sign-up; 403 for another password, which leaves the token valid. With `new_password` the reader
    of the mail chooses the password instead: that of the sign-up ends, and all sessions. 409 for
    the owner of a tenant, who keeps the password of the account.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        async with context.bus.units.begin() as uow:
            of_link = await queries.credentials_of_verification_link(uow.rows, token.digest, context.now)
            tenant = await uow.find(Tenant, token.tenant_id)
        if of_link is None or tenant is None:
            raise TokenNotValid
        tenant.require_open()
        share = share_of(token.tenant_id, admission, exists=True)
        if body.new_password is not None:
            require_strong(body.new_password, of_link.email, tenant)
            new_hash = await context.resources.passwords.hash(body.new_password, share)
            chosen = VerifyWithNewPassword(digest=token.digest, password_hash=new_hash, at=context.now)
            user = await context.bus.handle(chosen)
        else:
            known = await require_password_of_link(body.password or "", of_link, token.tenant_id, share, context)
            user = await context.bus.handle(VerifyEmail(digest=token.digest, verified_hash=known, at=context.now))
    return shown(UserView.model_validate(user), version=user.version)


@router.post("/decline", status_code=204, dependencies=[limited(MAILED_LINK)])
@public("the one-time token of the mail authenticates its reader")
async def decline(body: Token, context: Context) -> Response:
    """Ends a sign-up that the reader of the mail did not make. The registration is erased; the
    owner of a tenant keeps it, without a verified address.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        await context.bus.handle(DeclineSignUp(digest=token.digest, at=context.now))
    return Response(status_code=204)
