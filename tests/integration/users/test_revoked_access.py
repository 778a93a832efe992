"""Each state of a life in which a valid access token is refused, with each privileged route of the
users service: for an admin, and for an owner.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from services.users.app import SERVICE
from tests.fixtures.revoked_access import ID, STATES, admin_reads, privileged_writes, requests
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address

NEW_PASSWORD = "another correct horse"
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/users/{user_id}"): {"display_name": "Mallory"},
    ("DELETE", "/users/{user_id}"): None,
    ("POST", "/users/{user_id}/role"): {"role": "member"},
    ("POST", "/users/{user_id}/suspend"): None,
    ("POST", "/users/{user_id}/reactivate"): None,
    ("POST", "/users/{user_id}/export"): None,
    ("PUT", "/join-policy"): {"mode": "open"},
    ("POST", "/invitations"): {"email": "invited@example.com"},
    ("POST", "/invitations/{invitation_id}/approve"): None,
    ("DELETE", "/invitations/{invitation_id}"): None,
    ("POST", "/password/change"): {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    ("DELETE", "/sessions"): None,
    ("POST", "/sessions/confirm"): {"password": PASSWORD},
    ("DELETE", "/sessions/{session_id}"): None,
    ("DELETE", "/users/{user_id}/sessions"): None,
    ("POST", "/email/change"): {"email": "new.address@example.com"},
    ("PATCH", "/tenant"): {"name": "Mallory's"},
    ("POST", "/tenant/owner"): {"user_id": ID},
    ("POST", "/tenant/close"): None,
}


@dataclass(frozen=True, slots=True)
class Scene:
    users: UsersService
    owner: Member
    admin: Member
    other: Member

    async def act(self, method: str, path: str, body: Any = None, *, by: Member | None = None) -> int:
        """The response's status; the admin acts unless another member is given."""
        headers = (by or self.admin).headers
        return (await self.users.http.request(method, path, json=body, headers=headers)).status_code

    async def signed_in(self, member: Member) -> Member:
        """The member in a new session."""
        tokens = (await self.users.log_in(member.tenant_id, member.email)).json()
        return Member(tenant_id=member.tenant_id, user_id=member.user_id, email=member.email, tokens=tokens)

    async def superior_of(self, subject: Member) -> Member:
        """The owner; of the owner: the next one, to whom the ownership was handed."""
        if subject.user_id != self.owner.user_id:
            return self.owner
        await self.hand_over(subject)
        return await self.signed_in(self.other)

    async def hand_over(self, subject: Member) -> None:
        heir = {"user_id": str(self.other.user_id)}
        assert await self.act("POST", "/tenant/owner", heir, by=subject) == 200

    async def state(self) -> tuple[Mapping[str, int], object]:
        tenant_id = self.owner.tenant_id
        rows = await self.users.rows(tenant_id, "select user_id, role, suspended, version from users order by user_id")
        hashes = await self.users.rows(tenant_id, "select user_id, password_hash from credentials order by user_id")
        return await self.users.row_counts(tenant_id), (rows, hashes)


async def suspended(scene: Scene, subject: Member) -> None:
    superior = await scene.superior_of(subject)
    assert await scene.act("POST", f"/users/{subject.user_id}/suspend", by=superior) == 200


async def reactivated(scene: Scene, subject: Member) -> None:
    await suspended(scene, subject)
    superior = scene.owner if subject is scene.admin else await scene.signed_in(scene.other)
    assert await scene.act("POST", f"/users/{subject.user_id}/reactivate", by=superior) == 200


async def demoted(scene: Scene, subject: Member) -> None:
    if subject is scene.owner:
        await scene.hand_over(subject)
        return
    assert await scene.act("POST", f"/users/{subject.user_id}/role", {"role": "member"}, by=scene.owner) == 200


async def erased(scene: Scene, subject: Member) -> None:
    superior = await scene.superior_of(subject)
    assert await scene.act("DELETE", f"/users/{subject.user_id}", by=superior) == 204


async def signed_out(scene: Scene, subject: Member) -> None:
    body = {"refresh_token": subject.tokens["refresh_token"]}
    assert (await scene.users.http.post("/logout", json=body)).status_code == 204


async def session_ended(scene: Scene, subject: Member) -> None:
    """Ended from another session of the same user."""
    elsewhere = await scene.signed_in(subject)
    listed = (await scene.users.http.get("/sessions", headers=elsewhere.headers)).json()["data"]
    for session in listed:
        if not session["current"]:
            assert await scene.act("DELETE", f"/sessions/{session['id']}", by=elsewhere) == 204


async def all_sessions_ended(scene: Scene, subject: Member) -> None:
    elsewhere = await scene.signed_in(subject)
    assert await scene.act("DELETE", "/sessions", by=elsewhere) == 204


async def copied(scene: Scene, subject: Member) -> None:
    """A refresh token that is used twice ends its session."""
    assert [(await scene.users.refresh(subject.tokens)).status_code for _ in range(2)] == [200, 401]


async def password_changed(scene: Scene, subject: Member) -> None:
    again = await scene.signed_in(subject)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert await scene.act("POST", "/password/change", body, by=again) == 200


async def password_reset(scene: Scene, subject: Member) -> None:
    await scene.users.forget_password(subject.tenant_id, subject.email)
    link = await scene.users.password_link(subject)
    assert (await scene.users.reset_password(link, NEW_PASSWORD)).status_code == 204


async def address_change_taken_back(scene: Scene, subject: Member) -> None:
    assert await scene.act("POST", "/email/change", {"email": unique_address()}, by=subject) == 202
    token = await scene.users.cancel_link(subject)
    assert (await scene.users.http.post("/email/cancel", json={"token": token})).status_code == 204


async def tenant_closed(scene: Scene, subject: Member) -> None:
    assert await scene.act("POST", "/tenant/close", by=await scene.signed_in(scene.owner)) == 204


ACTS: Mapping[str, Callable[[Scene, Member], Awaitable[None]]] = {
    "suspended": suspended,
    "suspended and reactivated": reactivated,
    "demoted": demoted,
    "erased": erased,
    "signed out": signed_out,
    "session ended": session_ended,
    "all sessions ended": all_sessions_ended,
    "refresh token copied": copied,
    "password changed": password_changed,
    "password reset": password_reset,
    "address change taken back": address_change_taken_back,
    "tenant closed": tenant_closed,
}
OWNERS_ROUTES = {
    ("POST", "/users/{user_id}/role"),
    ("PATCH", "/tenant"),
    ("POST", "/tenant/owner"),
    ("POST", "/tenant/close"),
    ("PUT", "/join-policy"),
}
PASSWORD_ROUTES = ("/password/change", "/sessions/confirm")


@pytest.fixture
async def scene(users: UsersService) -> Scene:
    owner = await users.verified_tenant()
    admin, other = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    promoted = await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    assert promoted.status_code == 200
    scene = Scene(users, owner, admin, other)
    return Scene(users, owner, await scene.signed_in(admin), other)


def test_each_state_has_an_act() -> None:
    assert set(ACTS) == set(STATES)


@pytest.mark.parametrize("role", ["admin", "owner"])
@pytest.mark.parametrize("state", STATES)
async def test_a_revoked_caller_cannot_act(scene: Scene, state: str, role: str) -> None:
    subject = scene.owner if role == "owner" else scene.admin
    await ACTS[state](scene, subject)
    before = await scene.state()
    for target in (scene.other, subject):
        for route, (method, path, body) in zip(
            privileged_writes(SERVICE), requests(SERVICE, BODIES, user_id=str(target.user_id)), strict=True
        ):
            # Some requests are refused before their command: for their role, for the password that
            # they prove, or because they concern the caller's own suspension.
            forbidden = path in PASSWORD_ROUTES or path == f"/users/{subject.user_id}/reactivate"
            forbidden = forbidden or (role == "admin" and route in OWNERS_ROUTES)
            assert await scene.act(method, path, body, by=subject) in ((401, 403) if forbidden else (401,)), route
    assert await scene.state() == before
    for path in admin_reads(SERVICE, user_id=str(scene.other.user_id)):
        assert await scene.act("GET", path, by=subject) == 401, path


async def test_the_same_requests_of_an_active_caller_succeed(scene: Scene) -> None:
    """Shows that the requests above are refused only for their caller. Only owners change roles,
    and no user promotes themselves.
    """
    itself, other = str(scene.admin.user_id), str(scene.other.user_id)
    # The change of the password is last, because it ends the session. Nothing is requested for an
    # erased user.
    ends = [("DELETE", f"/users/{other}"), ("DELETE", "/sessions")]
    allowed = [request for request in requests(SERVICE, BODIES, user_id=other) if request[:2] not in ends]
    allowed.sort(key=lambda request: request[1].startswith("/password"))
    answers = {
        f"{method} {path.replace(other, '-')}": await scene.act(method, path, body) for method, path, body in allowed
    }
    assert answers == {
        "PATCH /users/-": 200,
        "POST /users/-/role": 403,
        "POST /users/-/export": 403,
        "POST /users/-/suspend": 200,
        "POST /users/-/reactivate": 200,
        "POST /sessions/confirm": 204,
        f"DELETE /sessions/{ID}": 404,
        "DELETE /users/-/sessions": 204,
        "POST /email/change": 202,
        "PATCH /tenant": 403,
        "POST /tenant/owner": 403,
        "POST /tenant/close": 403,
        "PUT /join-policy": 403,
        "POST /invitations": 201,
        f"POST /invitations/{ID}/approve": 404,
        f"DELETE /invitations/{ID}": 404,
        "POST /password/change": 200,
    }
    assert await scene.act("POST", f"/users/{itself}/reactivate") == 403


async def test_a_suspended_admin_cannot_reactivate_themselves(scene: Scene) -> None:
    await suspended(scene, scene.admin)
    assert await scene.act("POST", f"/users/{scene.admin.user_id}/reactivate") == 403
    assert (await scene.users.log_in(scene.admin.tenant_id, scene.admin.email)).status_code == 401


async def test_a_demoted_admin_is_a_member_from_the_next_token(scene: Scene) -> None:
    await demoted(scene, scene.admin)
    tokens = (await scene.users.refresh(scene.admin.tokens)).json()
    member = Member(
        tenant_id=scene.admin.tenant_id, user_id=scene.admin.user_id, email=scene.admin.email, tokens=tokens
    )
    itself = f"/users/{member.user_id}"
    assert await scene.act("PATCH", itself, {"display_name": "Ada"}, by=member) == 200
    assert await scene.act("POST", f"/users/{scene.other.user_id}/suspend", by=member) == 403
