"""A tenant is renamed, handed over and closed by its owner."""

import asyncio
from uuid import uuid4

from services.users.commands.identity import ActingUser, CloseTenant
from tests.integration.users.service import UsersService
from tests.integration.users.test_own_sessions import bearer
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually


async def test_an_owner_renames_the_tenant(users: UsersService) -> None:
    owner = await users.open_tenant("Engines")
    member = await users.join(owner.tenant_id)
    for _ in range(2):
        renamed = await users.http.patch("/tenant", json={"name": "Looms"}, headers=owner.headers)
        assert (renamed.status_code, renamed.json()["name"], renamed.json()["status"]) == (200, "Looms", "open")
    assert (await users.http.get("/tenant", headers=member.headers)).json()["name"] == "Looms"
    assert await users.event_types(owner.tenant_id, owner.tenant_id) == [
        "tenant.created",
        "tenant.join_policy_changed",
        "tenant.renamed",
    ]
    assert (await users.http.patch("/tenant", json={"name": "X"}, headers=member.headers)).status_code == 403
    for hostile in ("", "a\nb", "=?utf-8?q?x?=", "\u202egnirts"):
        refused = await users.http.patch("/tenant", json={"name": hostile}, headers=owner.headers)
        assert refused.status_code == 422


async def test_an_owner_hands_over_and_can_then_be_erased(users: UsersService) -> None:
    owner = await users.verified_tenant()
    heir = await users.join(owner.tenant_id)
    handed = await users.http.post("/tenant/owner", json={"user_id": str(heir.user_id)}, headers=owner.headers)
    assert (handed.status_code, handed.json()["role"]) == (200, "owner")

    assert (await users.http.get("/users", headers=owner.headers)).status_code == 401  # the token says owner
    former = bearer((await users.refresh(owner.tokens)).json())
    roles = {each["id"]: each["role"] for each in (await users.http.get("/users", headers=former)).json()["data"]}
    assert roles == {str(owner.user_id): "admin", str(heir.user_id): "owner"}
    assert (await users.http.patch("/tenant", json={"name": "X"}, headers=former)).status_code == 403
    assert (await users.http.delete(f"/users/{owner.user_id}", headers=former)).status_code == 204
    again = bearer((await users.refresh(heir.tokens)).json())
    assert (await users.http.patch("/tenant", json={"name": "Mine"}, headers=again)).status_code == 200


async def test_only_an_active_user_of_the_tenant_becomes_the_owner(users: UsersService) -> None:
    owner, stranger = await users.verified_tenant(), await users.open_tenant()
    suspended, erased = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    unverified = (await users.sign_up(owner.tenant_id)).json()["id"]
    await users.http.post(f"/users/{suspended.user_id}/suspend", headers=owner.headers)
    await users.http.delete(f"/users/{erased.user_id}", headers=owner.headers)
    expected = {
        suspended.user_id: 409,
        unverified: 409,
        erased.user_id: 404,
        stranger.user_id: 404,
        uuid4(): 404,
        owner.user_id: 200,
    }
    for user_id, status in expected.items():
        answer = await users.http.post("/tenant/owner", json={"user_id": str(user_id)}, headers=owner.headers)
        assert answer.status_code == status, answer.text
    owners = await users.rows(owner.tenant_id, "select user_id from users where role = 'owner'")
    assert [row["user_id"] for row in owners] == [owner.user_id]


async def test_of_concurrent_transfers_one_happens(users: UsersService) -> None:
    owner = await users.verified_tenant()
    heirs = [await users.join(owner.tenant_id) for _ in range(4)]
    bodies = [{"user_id": str(heir.user_id)} for heir in heirs]
    answers = await asyncio.gather(
        *(users.http.post("/tenant/owner", json=body, headers=owner.headers) for body in bodies)
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200 and set(statuses[1:]) <= {401, 403}  # by the token's role, or in the handler
    owners = await users.rows(owner.tenant_id, "select user_id from users where role = 'owner'")
    assert len(owners) == 1


async def test_an_owner_without_a_verified_address_keeps_the_ownership(users: UsersService) -> None:
    """As an admin they could not sign in."""
    owner = await users.open_tenant()
    heir = await users.join(owner.tenant_id)
    refused = await users.http.post("/tenant/owner", json={"user_id": str(heir.user_id)}, headers=owner.headers)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "owner-not-verified")


async def test_a_closed_tenant_accepts_no_sign_in_and_no_sign_up(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    member = await users.join(owner.tenant_id)
    unverified = (await users.sign_up(owner.tenant_id)).json()["id"]
    verification = await users.mailed_token(owner.tenant_id, unverified)
    await users.forget_password(member.tenant_id, member.email)
    link = await users.password_link(member)

    assert (await users.http.post("/tenant/close", headers=owner.headers)).status_code == 204

    assert (await users.event_types(owner.tenant_id, owner.tenant_id))[-1] == "tenant.closed"
    for person in (owner, member):
        path = f"/users/{person.user_id}"
        assert (await users.http.patch(path, json={"locale": "de"}, headers=person.headers)).status_code == 401
        assert (await users.log_in(person.tenant_id, person.email)).status_code == 401
        assert (await users.refresh(person.tokens)).status_code == 401
    before = await users.row_counts(owner.tenant_id)
    assert (await users.sign_up(owner.tenant_id)).status_code == 201  # as for a tenant that does not exist
    assert await users.row_counts(owner.tenant_id) == before
    assert (await users.verify(verification)).status_code == 422
    assert (await users.reset_password(link, "another correct horse")).status_code == 422
    assert (await users.refresh(stranger.tokens)).status_code == 200
    counts = await users.row_counts(owner.tenant_id)
    assert [counts[table] for table in ("sessions", "refresh_tokens", "email_changes")] == [0, 0, 0]


async def test_a_link_that_was_requested_before_the_end_is_not_mailed(users: UsersService) -> None:
    owner = await users.open_tenant()
    body = {"tenant_id": str(owner.tenant_id), "email": owner.email}
    assert (await users.http.post("/password/forgot", json=body)).status_code == 202
    assert (await users.http.post("/tenant/close", headers=owner.headers)).status_code == 204
    await users.run_jobs(owner.tenant_id)
    assert "user.password_reset_requested" not in await users.event_types(owner.tenant_id, owner.user_id)
    assert await users.rows(owner.tenant_id, "select 1 from password_reset_tokens") == []


async def test_a_sign_in_that_waits_for_the_end_of_the_tenant_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    (session,) = await users.rows(owner.tenant_id, "select session_id from sessions")
    actor = ActingUser(user_id=owner.user_id, role=Role.OWNER, session_id=session["session_id"])
    command = CloseTenant(tenant_id=owner.tenant_id, actor=actor, at=users.clock.now())
    with bound_tenants([TenantId(owner.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(command, uow)
            late = asyncio.create_task(users.log_in(owner.tenant_id, owner.email))
            await eventually(lambda: somebody_waits_for_a_lock(users))
    assert (await late).status_code == 401
    assert await users.rows(owner.tenant_id, "select 1 from refresh_tokens") == []
