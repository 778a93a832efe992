"""A final change needs a password that was proved a short time ago."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from services.users.handlers.confirmation import CONFIRMED_FOR
from tests.integration.users.service import PASSWORD, Member, UsersService
from tests.integration.users.test_own_sessions import bearer, forget_details

FINAL = ["erasure of oneself", "erasure of another", "change of address", "transfer", "end of the tenant"]


async def act(users: UsersService, act: str, owner: Member, other: Member, headers: Mapping[str, str]) -> int:
    """Requests by the owner, or by the other for their own erasure."""
    http = users.http
    match act:
        case "erasure of oneself" | "erasure of another":
            answer = await http.delete(f"/users/{other.user_id}", headers=headers)
        case "change of address":
            answer = await http.post("/email/change", json={"email": "new@example.com"}, headers=headers)
        case "transfer":
            answer = await http.post("/tenant/owner", json={"user_id": str(other.user_id)}, headers=headers)
        case _:
            answer = await http.post("/tenant/close", headers=headers)
    return answer.status_code


@pytest.mark.parametrize("final", FINAL)
async def test_a_session_is_confirmed_before_what_cannot_be_undone(users: UsersService, final: str) -> None:
    owner = await users.verified_tenant()
    other = await users.join(owner.tenant_id)
    actor = other if final == "erasure of oneself" else owner
    users.clock.move(CONFIRMED_FOR + timedelta(seconds=1))
    before = await users.row_counts(owner.tenant_id)

    assert await act(users, final, owner, other, actor.headers) == 403
    assert await users.row_counts(owner.tenant_id) == before

    # A refresh proves no password.
    headers = bearer((await users.refresh(actor.tokens)).json())
    assert await act(users, final, owner, other, headers) == 403
    assert (await confirm(users, headers, "not the password")) == 403
    assert await act(users, final, owner, other, headers) == 403
    assert (await confirm(users, headers)) == 204
    users.clock.move(CONFIRMED_FOR)
    assert await act(users, final, owner, other, headers) in (200, 202, 204)


async def test_a_confirmation_is_of_one_session(users: UsersService) -> None:
    owner = await users.open_tenant()
    users.clock.move(CONFIRMED_FOR + timedelta(seconds=1))
    elsewhere = (await users.log_in(owner.tenant_id, owner.email)).json()
    assert (await users.http.post("/tenant/close", headers=owner.headers)).status_code == 403
    assert (await users.http.post("/tenant/close", headers=bearer(elsewhere))).status_code == 204


async def test_a_session_of_an_earlier_release_is_not_confirmed(users: UsersService) -> None:
    owner = await users.open_tenant()
    await forget_details(users, owner)
    assert (await users.http.post("/tenant/close", headers=owner.headers)).status_code == 403
    assert (await confirm(users, owner.headers)) == 401
    headers = bearer((await users.refresh(owner.tokens)).json())
    assert (await confirm(users, headers)) == 204
    assert (await users.http.post("/tenant/close", headers=headers)).status_code == 204


async def test_the_answer_says_what_to_do(users: UsersService) -> None:
    owner = await users.open_tenant()
    users.clock.move(CONFIRMED_FOR + timedelta(seconds=1))
    refused = (await users.http.post("/tenant/close", headers=owner.headers)).json()
    assert refused["type"].endswith("confirmation-required")
    assert "POST /sessions/confirm" in refused["detail"]


async def test_only_the_owner_erases_admins(users: UsersService) -> None:
    owner = await users.open_tenant()
    admins = [await users.join(owner.tenant_id) for _ in range(2)]
    for admin in admins:
        await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    first, second = [bearer((await users.log_in(each.tenant_id, each.email)).json()) for each in admins]
    target = f"/users/{admins[1].user_id}"
    refused = await users.http.delete(target, headers=first)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (403, "admin-is-protected")
    assert (await users.http.delete(target, headers=second)).status_code == 204  # an admin leaves
    assert (await users.http.delete(f"/users/{admins[0].user_id}", headers=owner.headers)).status_code == 204


async def confirm(users: UsersService, headers: Mapping[str, str], password: str = PASSWORD) -> int:
    return (await users.http.post("/sessions/confirm", json={"password": password}, headers=headers)).status_code
