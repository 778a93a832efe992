"""A user sees and ends their own sessions; an admin ends those of a member."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.users.service import PASSWORD, Member, UsersService

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0"


async def test_the_list_shows_when_and_with_what_and_no_secret(users: UsersService) -> None:
    owner = await users.open_tenant()
    await sign_in(users, owner, BROWSER)
    users.clock.move(timedelta(minutes=3))
    refreshed = (await users.refresh(owner.tokens)).json()

    response = await users.http.get("/sessions", headers=bearer(refreshed))

    first, second = response.json()["data"]
    assert (first["current"], second["current"]) == (True, False)
    assert second["user_agent"] == BROWSER
    assert [each["opened_at"] for each in (first, second)] == ["2026-11-25T12:00:00Z"] * 2
    assert [each["used_at"] for each in (first, second)] == ["2026-11-25T12:03:00Z", "2026-11-25T12:00:00Z"]
    assert set(first) == {"id", "opened_at", "used_at", "expires_at", "user_agent", "current"}
    for secret in (owner.tokens["refresh_token"], refreshed["refresh_token"], refreshed["access_token"]):
        assert secret not in response.text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("x" * 5000, "x" * 100), ("a\tb", "a b"), ("", ""), ("caf\u00e9 \u00bd", "caf\u00e9 \u00bd")],
)
async def test_a_user_agent_is_one_short_line(users: UsersService, sent: str, shown: str) -> None:
    owner = await users.open_tenant()
    tokens = await sign_in(users, owner, sent)
    listed = await sessions(users, tokens)
    assert [each["user_agent"] for each in listed if each["current"]] == [shown]


async def test_sessions_are_listed_in_pages(users: UsersService) -> None:
    owner = await users.open_tenant()
    for _ in range(2):
        await sign_in(users, owner)
    first = (await users.http.get("/sessions", params={"limit": 2}, headers=owner.headers)).json()
    rest = (await users.http.get("/sessions", params={"cursor": first["next_cursor"]}, headers=owner.headers)).json()
    ids = [each["id"] for each in [*first["data"], *rest["data"]]]
    assert (len(first["data"]), len(ids), len(set(ids))) == (2, 3, 3)


async def test_one_session_ends_and_the_others_stay(users: UsersService) -> None:
    owner = await users.open_tenant()
    elsewhere = await sign_in(users, owner)
    (other,) = [each["id"] for each in await sessions(users, owner.tokens) if not each["current"]]

    assert (await users.http.delete(f"/sessions/{other}", headers=owner.headers)).status_code == 204

    assert (await users.refresh(elsewhere)).status_code == 401
    assert (await users.http.get("/sessions", headers=bearer(elsewhere))).status_code == 401
    assert [each["current"] for each in await sessions(users, owner.tokens)] == [True]
    assert (await users.event_types(owner.tenant_id, owner.user_id))[-1] == "user.sessions_ended"
    assert (await users.http.delete(f"/sessions/{other}", headers=owner.headers)).status_code == 404


async def test_no_user_ends_the_session_of_another(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    member = await users.join(owner.tenant_id)
    (session,) = await sessions(users, member.tokens)
    for other in (owner, stranger):
        refused = await users.http.delete(f"/sessions/{session['id']}", headers=other.headers)
        assert refused.status_code == 404
    assert (await users.refresh(member.tokens)).status_code == 200


async def test_all_sessions_end(users: UsersService) -> None:
    owner = await users.open_tenant()
    elsewhere = await sign_in(users, owner)
    assert (await users.http.delete("/sessions", headers=owner.headers)).status_code == 204
    assert [(await users.refresh(each)).status_code for each in (owner.tokens, elsewhere)] == [401, 401]
    assert await users.rows(owner.tenant_id, "select 1 from sessions") == []


async def test_an_admin_ends_the_sessions_of_a_member_but_not_of_the_owner(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, admin = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    admin_now = bearer(await sign_in(users, admin))

    assert (await users.http.delete(f"/users/{member.user_id}/sessions", headers=admin_now)).status_code == 204
    assert (await users.refresh(member.tokens)).status_code == 401
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200
    assert (await users.http.delete(f"/users/{owner.user_id}/sessions", headers=admin_now)).status_code == 403
    assert (await users.http.delete(f"/users/{uuid4()}/sessions", headers=admin_now)).status_code == 404
    assert (await users.refresh(owner.tokens)).status_code == 200
    ordinary = (await users.log_in(member.tenant_id, member.email)).json()
    refused = await users.http.delete(f"/users/{admin.user_id}/sessions", headers=bearer(ordinary))
    assert refused.status_code == 403


async def test_a_session_of_an_earlier_release_is_listed_from_its_next_refresh(users: UsersService) -> None:
    owner = await users.open_tenant()
    await forget_details(users, owner)
    assert await sessions(users, owner.tokens) == []
    refreshed = (await users.refresh(owner.tokens)).json()
    (listed,) = await sessions(users, refreshed)
    assert (listed["opened_at"], listed["user_agent"]) == ("2026-11-25T12:00:00Z", "")


async def forget_details(users: UsersService, member: Member) -> None:
    await users.rows(member.tenant_id, "delete from sessions returning 1")


async def sign_in(users: UsersService, member: Member, agent: str = "test") -> Mapping[str, Any]:
    body = {"tenant_id": str(member.tenant_id), "email": member.email, "password": PASSWORD}
    headers = [(b"user-agent", agent.encode("latin-1"))]
    answer = await users.http.post("/login", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    tokens: Mapping[str, Any] = answer.json()
    return tokens


async def sessions(users: UsersService, tokens: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    listed: Sequence[Mapping[str, Any]] = (await users.http.get("/sessions", headers=bearer(tokens))).json()["data"]
    return listed


def bearer(tokens: Mapping[str, Any]) -> Mapping[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}
