"""A suspended, demoted or erased user, or one whose session ended, cannot act with a valid access
token.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from services.users.app import SERVICE
from tests.fixtures.revoked_access import ID, requests
from tests.integration.users.service import PASSWORD, Member, UsersService

NEW_PASSWORD = "another correct horse"
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "/users/{user_id}"): {"display_name": "Mallory"},
    ("DELETE", "/users/{user_id}"): None,
    ("POST", "/users/{user_id}/role"): {"role": "member"},
    ("POST", "/users/{user_id}/suspend"): None,
    ("POST", "/users/{user_id}/reactivate"): None,
    ("PUT", "/join-policy"): {"mode": "open"},
    ("POST", "/invitations"): {"email": "invited@example.com"},
    ("POST", "/invitations/{invitation_id}/approve"): None,
    ("DELETE", "/invitations/{invitation_id}"): None,
    ("POST", "/password/change"): {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
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

    async def state(self) -> tuple[Mapping[str, int], object]:
        tenant_id = self.owner.tenant_id
        rows = await self.users.rows(tenant_id, "select user_id, role, suspended, version from users order by user_id")
        hashes = await self.users.rows(tenant_id, "select user_id, password_hash from credentials order by user_id")
        return await self.users.row_counts(tenant_id), (rows, hashes)


async def suspended(scene: Scene) -> None:
    assert await scene.act("POST", f"/users/{scene.admin.user_id}/suspend", by=scene.owner) == 200


async def reactivated(scene: Scene) -> None:
    await suspended(scene)
    assert await scene.act("POST", f"/users/{scene.admin.user_id}/reactivate", by=scene.owner) == 200


async def demoted(scene: Scene) -> None:
    assert await scene.act("POST", f"/users/{scene.admin.user_id}/role", {"role": "member"}, by=scene.owner) == 200


async def erased(scene: Scene) -> None:
    assert await scene.act("DELETE", f"/users/{scene.admin.user_id}", by=scene.owner) == 204


async def signed_out(scene: Scene) -> None:
    body = {"refresh_token": scene.admin.tokens["refresh_token"]}
    assert (await scene.users.http.post("/logout", json=body)).status_code == 204


async def copied(scene: Scene) -> None:
    """A refresh token that is used twice ends its session."""
    assert [(await scene.users.refresh(scene.admin.tokens)).status_code for _ in range(2)] == [200, 401]


async def password_changed(scene: Scene) -> None:
    again = await scene.users.log_in(scene.admin.tenant_id, scene.admin.email)
    headers = {"authorization": f"Bearer {again.json()['access_token']}"}
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await scene.users.http.post("/password/change", json=body, headers=headers)).status_code == 200


async def password_reset(scene: Scene) -> None:
    admin = scene.admin
    await scene.users.forget_password(admin.tenant_id, admin.email)
    link = await scene.users.mailed_token(admin.tenant_id, admin.user_id, "user.password_reset_requested")
    assert (await scene.users.reset_password(link, NEW_PASSWORD)).status_code == 204


ENDINGS = [suspended, reactivated, demoted, erased, signed_out, copied, password_changed, password_reset]


@pytest.fixture
async def scene(users: UsersService) -> Scene:
    owner = await users.open_tenant()
    admin, other = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    promoted = await users.http.post(f"/users/{admin.user_id}/role", json={"role": "admin"}, headers=owner.headers)
    assert promoted.status_code == 200
    signed_in = (await users.log_in(admin.tenant_id, admin.email)).json()
    admin = Member(tenant_id=admin.tenant_id, user_id=admin.user_id, email=admin.email, tokens=signed_in)
    return Scene(users, owner, admin, other)


@pytest.mark.parametrize("end", ENDINGS)
async def test_a_revoked_caller_cannot_act(scene: Scene, end: Callable[[Scene], Awaitable[None]]) -> None:
    await end(scene)
    before = await scene.state()
    for target in (scene.other, scene.admin):
        for method, path, body in requests(SERVICE, BODIES, user_id=str(target.user_id)):
            assert await scene.act(method, path, body) in (401, 403), (method, path)
    assert await scene.state() == before
    for path in (
        "/users",
        "/invitations",
        "/join-policy",
        f"/users/{scene.other.user_id}",
        f"/users/{scene.other.user_id}/events",
    ):
        assert await scene.act("GET", path) == 401, path


async def test_the_same_requests_of_an_active_caller_succeed(scene: Scene) -> None:
    """Shows that the requests above are refused only for their caller. Only owners change roles,
    and no user promotes themselves.
    """
    itself, other = str(scene.admin.user_id), str(scene.other.user_id)
    # The change of the password is last, because it ends the session. Nothing is requested for an
    # erased user.
    allowed = [request for request in requests(SERVICE, BODIES, user_id=other) if request[0] != "DELETE"]
    allowed.sort(key=lambda request: request[1].startswith("/password"))
    answers = {path.replace(other, "-"): await scene.act(method, path, body) for method, path, body in allowed}
    assert answers == {
        "/users/-": 200,
        "/users/-/role": 403,
        "/users/-/suspend": 200,
        "/users/-/reactivate": 200,
        "/join-policy": 403,
        "/invitations": 201,
        f"/invitations/{ID}/approve": 404,
        "/password/change": 200,
    }
    assert await scene.act("POST", f"/users/{itself}/reactivate") == 403


async def test_a_suspended_admin_cannot_reactivate_themselves(scene: Scene) -> None:
    await suspended(scene)
    assert await scene.act("POST", f"/users/{scene.admin.user_id}/reactivate") == 403
    assert (await scene.users.log_in(scene.admin.tenant_id, scene.admin.email)).status_code == 401


async def test_a_demoted_admin_is_a_member_from_the_next_token(scene: Scene) -> None:
    await demoted(scene)
    tokens = (await scene.users.refresh(scene.admin.tokens)).json()
    member = Member(
        tenant_id=scene.admin.tenant_id, user_id=scene.admin.user_id, email=scene.admin.email, tokens=tokens
    )
    itself = f"/users/{member.user_id}"
    assert await scene.act("PATCH", itself, {"display_name": "Ada"}, by=member) == 200
    assert await scene.act("POST", f"/users/{scene.other.user_id}/suspend", by=member) == 403
