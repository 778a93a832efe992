"""Sign-in, token refresh and sign-out; and the keys that verify access tokens."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from services.users import queries
from services.users.adapters.one_time_tokens import fresh_token
from services.users.api.context import Context
from services.users.api.limits import REFRESH_TOKEN, SIGN_IN
from services.users.api.models import Refresh, SessionView, SignIn
from services.users.api.new_passwords import share_of
from services.users.api.user_agent import UserAgent
from services.users.commands import CloseSession, JudgePassword, OpenSession, RefreshToken, RenewSession, Session
from services.users.domain import SESSION_LIFETIME, OpaqueToken, SignInRefused
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.web.limited import PAGES, Admission, limited
from waypost.web.policies import public

router = APIRouter(tags=["sessions"])

_KEYS = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "2026-03-31",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }
    ]
}
"""The public key of RFC 8037, appendix A.2."""


@router.post("/login", response_model=SessionView)
@public("the password authenticates the person")
async def login(
    body: SignIn, user_agent: UserAgent, context: Context, admission: Annotated[Admission, limited(SIGN_IN)]
) -> Response:
    """Issues tokens for an address and its password. Unknown addresses take as long as wrong
    passwords. After several wrong passwords the address is refused for a while, also with the right
    one; a mailed password link ends that.
    """
    admission.tenant(body.tenant_id)
    admission.address(body.tenant_id, body.email)
    with bound_tenants([body.tenant_id]):
        async with context.bus.units.begin() as uow:
            known = await queries.sign_in_data(uow.rows, body.email)
        # No database connection is held while the password is checked.
        stored = known.credentials
        password_hash = stored.password_hash if stored else None
        share = share_of(body.tenant_id, admission, exists=known.tenant_exists)
        is_right = await context.resources.passwords.matches(body.password, password_hash, share)
        judge = JudgePassword(tenant_id=body.tenant_id, failure_key=body.email, is_right=is_right, at=context.now)
        if not await context.bus.handle(judge) or stored is None:
            raise SignInRefused
        refresh, session_id = fresh_token(body.tenant_id), new_id()
        user = await context.bus.handle(
            OpenSession(
                user_id=stored.user_id,
                verified_hash=stored.password_hash,
                session_id=session_id,
                refresh_token=session_token(refresh, context, user_agent),
                at=context.now,
            )
        )
    return session_response(Session(user=user, session_id=session_id), refresh, context)


@router.post("/token/refresh", response_model=SessionView, dependencies=[limited(REFRESH_TOKEN)])
@public("the refresh token authenticates the session")
async def refresh(body: Refresh, context: Context) -> Response:
    """Exchanges a refresh token for new tokens. A refresh token that is used twice ends its
    session.
    """
    token = OpaqueToken.parse(body.refresh_token)
    if token is None:
        raise SignInRefused("sign in again")
    successor = fresh_token(token.tenant_id)
    with bound_tenants([token.tenant_id]):
        session = await context.bus.handle(
            RenewSession(digest=token.digest, successor=successor.digest, at=context.now)
        )
    if session is None:
        raise SignInRefused("sign in again")
    return session_response(session, successor, context)


@router.post("/logout", status_code=204, dependencies=[limited(REFRESH_TOKEN)])
@public("the refresh token authenticates the session")
async def logout(body: Refresh, context: Context) -> Response:
    """Ends the session of the refresh token. Its access tokens are refused here at once, and
    elsewhere within seconds.
    """
    token = OpaqueToken.parse(body.refresh_token)
    if token is not None:
        with bound_tenants([token.tenant_id]):
            await context.bus.handle(CloseSession(digest=token.digest, at=context.now))
    return Response(status_code=204)


@router.get(
    "/.well-known/jwks.json",
    dependencies=[limited(PAGES)],
    responses={200: {"content": {"application/json": {"example": _KEYS}}}},
)
@public("public keys verify tokens anywhere")
async def published_keys(context: Context) -> Response:
    """Returns the JWK set (RFC 7517) that verifies access tokens."""
    return JSONResponse(context.resources.access_tokens.published, headers={"cache-control": "public, max-age=300"})


def session_token(refresh: OpaqueToken, context: Context, user_agent: str) -> RefreshToken:
    """The first refresh token of a session."""
    return RefreshToken(
        digest=refresh.digest,
        opened_at=context.now,
        expires_at=context.now + SESSION_LIFETIME,
        user_agent=user_agent,
    )


def session_response(session: Session, refresh: OpaqueToken, context: Context) -> Response:
    access = context.resources.access_tokens.issue(session.user, session.session_id, context.now)
    view = SessionView(access_token=access.text, refresh_token=refresh.text, expires_in=access.expires_in_seconds)
    return Response(view.model_dump_json(), media_type="application/json")
