"""A change of the address. The new address proves itself; the previous one can take it back."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from services.users import queries
from services.users.adapters.one_time_tokens import fresh_token, unusable_password
from services.users.api.context import Context
from services.users.api.limits import MAILED_LINK
from services.users.api.mailed_tokens import parse_token
from services.users.api.models import AnyPassword, EmailAddress, Token
from services.users.api.new_passwords import share_of
from services.users.api.own_sessions import acting
from services.users.api.password_checks import require_password_of_link
from services.users.commands.identity import (
    CancelEmailChange,
    ConfirmEmailChange,
    DeclineEmailChange,
    RequestEmailChange,
)
from services.users.domain import AddressInUse, EmailChange, Tenant, TokenNotValid
from services.users.domain.email_change import CANCELLATION_LIFETIME, PROOF_LIFETIME
from waypost.kernel.tenant import bound_tenants
from waypost.kernel.writes import hide_writes
from waypost.web.auth import Caller
from waypost.web.limited import Admission, limited
from waypost.web.models import RequestModel
from waypost.web.policies import public

router = APIRouter(prefix="/email", tags=["users"])


class NewAddress(RequestModel):
    email: EmailAddress = Field(repr=False)


class ProvedAddress(Token):
    password: AnyPassword = Field(repr=False)
    """The password of the account. The link alone would give the address to a person who requested
    the change with an address of another person.
    """


@router.post("/change", status_code=202, response_class=Response)
async def request_change(body: NewAddress, caller: Caller, context: Context) -> Response:
    """Mails a link to the new address, and another to the present one, which can cancel the change.
    The address changes when the new one is proved. The response does not reveal whether another
    user has the address. Requires a session that was confirmed recently.
    """
    hide_writes()  # nothing is stored if the new address received too many mails
    proof, cancellation = fresh_token(caller.tenant_id), fresh_token(caller.tenant_id)
    seal = context.resources.sealer.seal
    change = EmailChange(
        email=body.email,
        proof=seal(proof, context.now + PROOF_LIFETIME),
        cancellation=seal(cancellation, context.now + CANCELLATION_LIFETIME),
    )
    await context.bus.handle(
        RequestEmailChange(
            actor=acting(caller),
            change=change,
            proof_digest=proof.digest,
            cancellation_digest=cancellation.digest,
            at=context.now,
        )
    )
    return Response(status_code=202)


@router.post("/confirm", status_code=204)
@public("the token of the mailed link proves the new address, the password the account")
async def confirm_change(
    body: ProvedAddress, context: Context, admission: Annotated[Admission, limited(MAILED_LINK)]
) -> Response:
    """Changes the address with the one-time token of the mail to the new address, and with the
    password of the account; 403 for another password, 409 if another user of the tenant has the
    address. Both leave the token valid.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        async with context.bus.units.begin() as uow:
            of_link = await queries.credentials_of_email_change(uow.rows, token.digest, context.now)
            tenant = await uow.find(Tenant, token.tenant_id)
        if of_link is None or tenant is None:
            raise TokenNotValid
        tenant.require_open()
        share = share_of(token.tenant_id, admission, exists=True)
        known = await require_password_of_link(body.password, of_link, token.tenant_id, share, context)
        await context.bus.handle(ConfirmEmailChange(digest=token.digest, verified_hash=known, at=context.now))
    return Response(status_code=204)


@router.post("/decline", status_code=204, dependencies=[limited(MAILED_LINK)])
@public("the token of the mailed link names the tenant and authenticates its reader")
async def decline_change(body: Token, context: Context) -> Response:
    """Ends a change of address with the token of the mail to the new address, whose reader did not
    request it. The token of the mail to the present address stays valid.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        await context.bus.handle(DeclineEmailChange(digest=token.digest, at=context.now))
    return Response(status_code=204)


@router.post("/cancel", status_code=204)
@public("the token of the mailed link names the tenant and proves the previous address")
async def cancel_change(
    body: Token, context: Context, admission: Annotated[Admission, limited(MAILED_LINK)]
) -> Response:
    """Cancels the change with the token of the mail to the previous address, or takes it back. Ends
    all sessions and the password: the user chooses a new one with `POST /password/forgot`. 409 if
    another user has the previous address; sessions and password have ended then, too.
    """
    token = parse_token(body)
    with bound_tenants([token.tenant_id]):
        async with context.bus.units.begin() as uow:
            if not await queries.may_be_taken_back(uow.rows, token.digest, context.now):
                raise TokenNotValid
        # No database connection is held while the password is hashed.
        share = share_of(token.tenant_id, admission, exists=True)
        unusable_hash = await context.resources.passwords.hash(unusable_password(), share)
        command = CancelEmailChange(digest=token.digest, unusable_hash=unusable_hash, at=context.now)
        if not await context.bus.handle(command):
            raise AddressInUse
    return Response(status_code=204)
