"""Sign-in, token refresh and sign-out."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from joserfc.jwk import OKPKey

from services.users.commands import RenewSession
from services.users.domain import SESSION_LIFETIME, OpaqueToken
from tests.integration.users.service import PASSWORD, UsersService
from waypost.kernel.clock import Clock
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.web.keys import LocalKeys
from waypost.web.principal import Principal
from waypost.web.tokens import ACCESS_SECONDS, TokenVerifier


async def test_an_access_token_is_verified_with_the_published_keys(users: UsersService) -> None:
    owner = await users.open_tenant()
    published = await users.http.get("/.well-known/jwks.json")
    assert all("d" not in key for key in published.json()["keys"])
    claims = await _verifier(published.json(), users.clock).verify(owner.tokens["access_token"])
    tenant_id = TenantId(owner.tenant_id)
    expected = Principal(
        user_id=owner.user_id, tenant_id=tenant_id, role=Role.OWNER, session_id=UUID(str(claims["sid"]))
    )
    assert Principal.of(claims) == expected
    assert claims["exp"] - claims["iat"] == owner.tokens["expires_in"] == ACCESS_SECONDS
    assert owner.tokens["token_type"] == "Bearer"


async def test_all_refused_sign_ins_get_the_same_response(users: UsersService) -> None:
    owner = await users.open_tenant()
    unverified = (await users.sign_up(owner.tenant_id)).json()["email"]
    answers = [
        await users.log_in(owner.tenant_id, owner.email, "not the password"),
        await users.log_in(owner.tenant_id, "nobody@example.com"),
        await users.log_in(owner.tenant_id, unverified),
        await users.log_in(uuid4(), owner.email),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({_without_instance(answer) for answer in answers}) == 1


async def test_signing_in_ignores_the_case_of_the_address(users: UsersService) -> None:
    owner = await users.open_tenant()
    answer = await users.log_in(owner.tenant_id, owner.email.upper())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refresh_token_is_rotated(users: UsersService) -> None:
    owner = await users.open_tenant()
    first = owner.tokens
    users.clock.move(timedelta(seconds=ACCESS_SECONDS + 60))
    assert (await _me(users, owner.user_id, first)).status_code == 401

    second = (await users.refresh(first)).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert (await _me(users, owner.user_id, second)).status_code == 200
    assert (await users.refresh(second)).status_code == 200


async def test_a_reused_refresh_token_ends_only_its_session(users: UsersService) -> None:
    owner = await users.open_tenant()
    elsewhere = (await users.log_in(owner.tenant_id, owner.email)).json()
    stolen = owner.tokens
    latest = (await users.refresh(stolen)).json()

    assert (await users.refresh(stolen)).status_code == 401

    assert (await users.refresh(latest)).status_code == 401
    assert (await users.refresh(elsewhere)).status_code == 200


async def test_concurrent_uses_of_a_refresh_token_count_as_reuse(users: UsersService) -> None:
    owner = await users.open_tenant()
    used = OpaqueToken.parse(owner.tokens["refresh_token"])
    assert used is not None
    first = RenewSession(digest=used.digest, successor=b"next", at=users.clock.now())

    with bound_tenants([used.tenant_id]):
        async with users.bus.units.begin() as uow:
            assert await users.bus.execute(first, uow) is not None
            second = asyncio.create_task(users.refresh(owner.tokens))
            await eventually(lambda: somebody_waits_for_a_lock(users))

    assert (await second).status_code == 401
    assert await users.rows(owner.tenant_id, "select * from refresh_tokens") == []


async def test_a_reuse_during_the_renewal_of_its_successor_ends_both(users: UsersService) -> None:
    owner = await users.open_tenant()
    stolen = owner.tokens
    successor = OpaqueToken.parse((await users.refresh(stolen)).json()["refresh_token"])
    assert successor is not None
    renewal = RenewSession(digest=successor.digest, successor=b"next", at=users.clock.now())

    with bound_tenants([successor.tenant_id]):
        async with users.bus.units.begin() as uow:
            assert await users.bus.execute(renewal, uow) is not None
            reuse = asyncio.create_task(users.refresh(stolen))
            await eventually(lambda: somebody_waits_for_a_lock(users))

    assert (await reuse).status_code == 401
    assert await users.rows(owner.tenant_id, "select * from refresh_tokens") == []


async def test_a_session_that_is_renewed_while_its_user_is_suspended_ends_with_the_others(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    used = OpaqueToken.parse(member.tokens["refresh_token"])
    assert used is not None
    renewal = RenewSession(digest=used.digest, successor=b"next", at=users.clock.now())

    with bound_tenants([used.tenant_id]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(renewal, uow)
            path = f"/users/{member.user_id}/suspend"
            suspending = asyncio.create_task(users.http.post(path, headers=owner.headers))
            await eventually(lambda: somebody_waits_for_a_lock(users))

    assert (await suspending).status_code == 200
    assert (await users.row_counts(owner.tenant_id))["refresh_tokens"] == 1


async def test_a_session_does_not_outlive_its_expiry_by_being_renewed(users: UsersService) -> None:
    owner = await users.open_tenant()
    users.clock.move(SESSION_LIFETIME - timedelta(seconds=1))
    renewed = await users.refresh(owner.tokens)
    assert renewed.status_code == 200
    users.clock.move(timedelta(seconds=1))
    assert (await users.refresh(renewed.json())).status_code == 401


async def test_signing_out_ends_the_session(users: UsersService) -> None:
    owner = await users.open_tenant()
    for _ in range(2):
        signed_out = await users.http.post("/logout", json={"refresh_token": owner.tokens["refresh_token"]})
        assert (signed_out.status_code, signed_out.content) == (204, b"")
    assert (await users.refresh(owner.tokens)).status_code == 401


async def test_an_invalid_refresh_token_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    for text in ("x", "ä" * 40, "A" * 64, owner.tokens["access_token"][:200]):
        assert (await users.refresh({"refresh_token": text})).status_code == 401
        assert (await users.http.post("/logout", json={"refresh_token": text})).status_code == 204


async def test_password_characters_are_normalized(users: UsersService) -> None:
    composed, decomposed = "pass-phrase \u00e9t\u00e9", "pass-phrase e\u0301te\u0301"
    owner = {"email": "zo@example.com", "password": composed, "display_name": "Zoé"}
    made = (await users.http.post("/tenants", json={"name": "Engines", "owner": owner})).json()
    assert (await users.log_in(made["tenant_id"], "zo@example.com", decomposed)).status_code == 200
    assert (await users.log_in(made["tenant_id"], "zo@example.com", PASSWORD)).status_code == 401


async def somebody_waits_for_a_lock(users: UsersService) -> bool:
    async with connected(users.where.app) as app:
        return bool(
            await app.fetchval(
                "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
            )
        )


def _verifier(published: dict[str, Any], clock: Clock) -> TokenVerifier:
    return TokenVerifier(LocalKeys(*(OKPKey.import_key(key) for key in published["keys"])), clock)


def _without_instance(answer: httpx.Response) -> str:
    """The response, without the fields that identify the request."""
    return str(sorted({**answer.json(), "instance": None, "trace_id": None}.items()))


async def _me(users: UsersService, user_id: Any, tokens: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    return await users.http.get(f"/users/{user_id}", headers=headers)
