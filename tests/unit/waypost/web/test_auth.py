"""Authentication: the checks of a token, and the scope of its tenant."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from fastapi import APIRouter
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from tests.fixtures.web import api
from waypost.kernel.actor import current_actor
from waypost.kernel.cause import current_cause
from waypost.kernel.role import Role
from waypost.kernel.tenant import NoTenantBound, current_tenants, sole_tenant
from waypost.project import project
from waypost.testing.http import client_of
from waypost.testing.tokens import SIGNING_KEY, bearer, operator_bearer, principal
from waypost.web.auth import AdminCaller, Caller, OperatorCaller, OwnerCaller

routes = APIRouter()


@routes.get("/me")
async def me(caller: Caller) -> dict[str, str]:
    return {
        "user": str(caller.user_id),
        "tenant": str(sole_tenant(current_tenants())),
        "actor": str(current_cause().actor_id),
    }


@routes.get("/me-in-a-thread")
def me_in_a_thread(caller: Caller) -> str:
    return str(sole_tenant(current_tenants()))


@routes.get("/fails")
async def fails(caller: Caller) -> None:
    raise RuntimeError


@routes.get("/anybody")
async def anybody() -> int:
    try:
        return len(current_tenants())
    except NoTenantBound:
        return 0


@routes.get("/admins")
async def admins(caller: AdminCaller) -> None: ...


@routes.get("/owners")
async def owners(caller: OwnerCaller) -> None: ...


@routes.get("/operators")
async def operators(operator: OperatorCaller) -> str:
    return operator.name


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api(routes)) as client:
        yield client


async def test_the_tenant_reaches_the_endpoint(client: httpx.AsyncClient) -> None:
    who = principal()
    answer = await client.get("/me", headers=bearer(who))
    assert answer.json() == {"user": str(who.user_id), "tenant": str(who.tenant_id), "actor": str(who.user_id)}
    assert (await client.get("/me-in-a-thread", headers=bearer(who))).json() == str(who.tenant_id)


@pytest.mark.parametrize("path", ["/me", "/fails", "/admins"])
async def test_the_caller_is_unbound_after_the_request(client: httpx.AsyncClient, path: str) -> None:
    # The client runs the application in this task: a tenant still bound would be visible here.
    await client.get(path, headers=bearer(principal()))
    with pytest.raises(NoTenantBound):
        current_tenants()
    assert current_cause().actor_id is None
    assert current_actor() is None
    assert "tenant_id" not in structlog.contextvars.get_contextvars()
    assert (await client.get("/anybody")).json() == 0


@pytest.mark.parametrize(
    ("role", "allowed"),
    [(Role.MEMBER, set()), (Role.ADMIN, {"/admins"}), (Role.OWNER, {"/admins", "/owners"})],
)
async def test_a_role_may_what_lower_ones_may(client: httpx.AsyncClient, role: Role, allowed: set[str]) -> None:
    for path in ("/admins", "/owners"):
        answer = await client.get(path, headers=bearer(principal(role)))
        assert answer.status_code == (200 if path in allowed else 403)


async def test_operators_need_their_scope(client: httpx.AsyncClient) -> None:
    owner, operator = principal(Role.OWNER), principal(scopes=["ops"])
    assert (await client.get("/operators", headers=bearer(owner))).status_code == 403
    assert (await client.get("/operators", headers=bearer(operator))).json() == str(operator.user_id)


async def test_an_operator_name_that_the_audit_log_cannot_hold_is_refused(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/operators", headers=operator_bearer(name)) for name in ("grace", "gr\0ce")]
    assert [each.status_code for each in answers] == [200, 401]


OTHER_KEY = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig"})


def token(
    key: Any = SIGNING_KEY, *, without: str = "", algorithm: str = "EdDSA", typ: str = "at+jwt", **claims: Any
) -> str:
    """A token like ours but for what is named."""
    now = int(datetime.now(UTC).timestamp())
    own = {"iss": project().token_issuer, "aud": project().token_audience}
    good = {**principal().claims(), **own, "iat": now, "nbf": now, "exp": now + 60, **claims}
    good.pop(without, None)
    header = {"alg": algorithm, "kid": "test-1", "typ": typ}
    return jwt.encode(header, good, key, algorithms=[algorithm])


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_a_token_made_by_hand_is_good_as_long_as_nothing_is_wrong_with_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/me", headers={"Authorization": f"Bearer {token()}"})
    assert answer.status_code == 200


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"nbf": 32503680000},
        {"iss": "somebody"},
        {"aud": "something"},
        {"sub": "nobody"},
        {"tenant_id": None},
        {"role": "god"},
        {"typ": "JWT"},
        pytest.param({"key": OTHER_KEY}, id="key of another issuer"),
        pytest.param({"key": OctKey.import_key(b"0" * 64), "algorithm": "HS512"}, id="shared secret"),
        pytest.param({"key": SIGNING_KEY, "algorithm": "Ed25519"}, id="algorithm"),
        *({"without": name} for name in ("exp", "nbf", "iss", "aud", "sub", "tenant_id", "role")),
    ],
    ids=str,
)
async def test_one_wrong_thing_is_enough(client: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    answer = await client.get("/me", headers={"Authorization": f"Bearer {token(**wrong)}"})
    assert answer.status_code == 401


async def test_a_token_expires(client: httpx.AsyncClient) -> None:
    assert (await client.get("/me", headers=bearer(principal(), age=timedelta(minutes=9)))).status_code == 200
    assert (await client.get("/me", headers=bearer(principal(), age=timedelta(minutes=11)))).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Basic dTpw",
        "Bearer " + "a" * 10_000,
        "Bearer \xff.\xff.\xff",
        "Bearer eyJhbGciOiJub25lIiwia2lkIjoidGVzdC0xIn0.e30.",  # its algorithm is none
        "Bearer WyJhbGciXQ.e30.AA",  # its header is a list
        "Bearer ImFsZyI.e30.AA",  # its header is a text
    ],
)
async def test_a_malformed_token_is_401(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/me", headers=[(b"authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers
