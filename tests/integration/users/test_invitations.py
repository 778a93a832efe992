"""Invitations: who may send and see them, and that a link works once, in time, for its tenant."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.users.api.invitations import INVITATION_LIFETIME
from tests.integration.users.invited import ACCEPTED_PASSWORD, Company, company, signed_up
from tests.integration.users.service import Member, UsersService, unique_address

EMAIL = "ada@example.com"


@pytest.fixture
async def there(users: UsersService) -> Company:
    return await company(users)


@pytest.mark.parametrize("role", ["member", "admin"])
async def test_an_accepted_invitation_is_a_verified_user(there: Company, role: str) -> None:
    users = there.users
    invitation_id = await there.invited(EMAIL, role=role, locale="de")
    (shown,) = await there.listed()
    assert (shown["id"], shown["status"], shown["role"]) == (str(invitation_id), "sent", role)
    accepted = await there.accept(await there.link(invitation_id))
    user = accepted.json()
    assert (accepted.status_code, accepted.headers["location"]) == (201, f"/users/{user['id']}")
    assert (user["status"], user["role"], user["email"], user["locale"]) == ("active", role, EMAIL, "de")
    assert await users.event_types(there.tenant_id, UUID(user["id"])) == ["user.created", "user.email_verified"]
    assert await users.event_types(there.tenant_id, invitation_id) == ["invitation.sent", "invitation.accepted"]
    assert await there.password_opens(EMAIL, ACCEPTED_PASSWORD)
    assert await there.listed() == []


async def test_a_link_works_once_in_ten_concurrent_uses(there: Company) -> None:
    token = await there.link(await there.invited(EMAIL))
    answers = await asyncio.gather(*(there.accept(token, f"password number {number}") for number in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 9
    opened = [await there.password_opens(EMAIL, f"password number {number}") for number in range(10)]
    assert opened == [answer.status_code == 201 for answer in answers]
    assert (await there.accept(token)).status_code == 422


async def test_one_of_ten_concurrent_invitations_of_an_address_is_sent(there: Company) -> None:
    answers = await asyncio.gather(*(there.invite(EMAIL) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert len(await there.listed()) == 1


async def test_a_link_ends_with_its_time(there: Company) -> None:
    token = await there.link(await there.invited(EMAIL))
    there.users.clock.move(INVITATION_LIFETIME - timedelta(microseconds=1))
    assert (await there.accept(token[:22] + "A" * 42)).status_code == 422
    there.users.clock.move(timedelta(microseconds=1))
    assert (await there.accept(token)).status_code == 422
    there = Company(there.users, await _back(there))
    assert await there.listed() == []
    again = await there.invited(EMAIL)
    assert (await there.accept(await there.link(again))).status_code == 201


async def test_a_revoked_link_is_refused(there: Company) -> None:
    invitation_id = await there.invited(EMAIL)
    token = await there.link(invitation_id)
    assert (await there.revoke(invitation_id)).status_code == 204
    assert (await there.accept(token)).status_code == 422
    assert (await there.revoke(invitation_id)).status_code == 404
    assert await there.users.event_types(there.tenant_id, invitation_id) == ["invitation.sent", "invitation.withdrawn"]


@pytest.mark.parametrize(
    ("inviter", "role", "status"),
    [
        ("owner", "admin", 201),
        ("owner", "member", 201),
        ("owner", "owner", 422),
        ("admin", "admin", 403),
        ("admin", "member", 201),
        ("member", "member", 403),
        ("anonymous", "member", 401),
    ],
)
async def test_a_caller_invites_roles_up_to_their_own(there: Company, inviter: str, role: str, status: int) -> None:
    if inviter == "anonymous":
        answer = await there.users.http.post("/invitations", json={"email": EMAIL, "role": role})
    else:
        who = {"owner": there.owner}.get(inviter) or await (there.admin() if inviter == "admin" else there.member())
        answer = await there.invite(EMAIL, by=who, role=role)
    assert answer.status_code == status, answer.text


async def test_an_owner_who_has_not_verified_cannot_invite(users: UsersService) -> None:
    there = Company(users, await users.open_tenant())
    answer = await there.invite(EMAIL)
    assert (answer.status_code, "verified first" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("end", ["suspend", "demote", "erase"])
async def test_the_invitations_of_a_removed_admin_end(there: Company, end: str) -> None:
    admin = await there.admin()
    token = await there.link(await there.invited(EMAIL, by=admin))
    if end == "demote":
        await there.change_role(admin, "member")
    elif end == "suspend":
        await there.act("POST", f"/users/{admin.user_id}/suspend")
    else:
        await there.act("DELETE", f"/users/{admin.user_id}")
    assert (await there.accept(token)).status_code == 422


async def test_members_and_the_owner_are_not_invited(there: Company) -> None:
    member = await there.member()
    for email in (member.email, there.owner.email):
        assert (await there.invite(email)).status_code == 409
    await there.act("POST", f"/users/{member.user_id}/suspend")
    assert (await there.invite(member.email)).status_code == 409


async def test_a_suspended_person_does_not_return_by_an_invitation(there: Company) -> None:
    await there.allow("open")
    user_id = (await signed_up(there.users, there.tenant_id, EMAIL)).json()["id"]
    token = await there.link(await there.invited(EMAIL))
    await there.act("POST", f"/users/{user_id}/suspend")
    assert (await there.accept(token)).status_code == 409
    assert not await there.password_opens(EMAIL, ACCEPTED_PASSWORD)


async def test_pages_list_each_open_invitation_once(there: Company) -> None:
    made = [str(await there.invited(f"person{number}@example.com")) for number in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await there.users.http.get("/invitations", params=query, headers=there.owner.headers)).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == made
    plain = await there.member()
    assert (await there.users.http.get("/invitations", headers=plain.headers)).status_code == 403


async def test_tenants_do_not_see_or_use_each_others_invitations(users: UsersService, there: Company) -> None:
    other = await company(users)
    invitation_id = await there.invited(EMAIL)
    token = await there.link(invitation_id)
    assert await other.listed() == []
    assert (await other.revoke(invitation_id)).status_code == 404
    assert (await other.approve(invitation_id)).status_code == 404
    foreign = await other.link(await other.invited(EMAIL))
    assert (await there.accept(foreign[:22] + token[22:])).status_code == 422
    assert (await there.accept(token)).status_code == 201
    assert (await other.accept(foreign)).status_code == 201


async def test_the_addresses_of_ended_invitations_are_erased(there: Company) -> None:
    await there.allow("approval")
    ended = []
    for end in ("accept", "revoke", "expire", "erase"):
        invitation_id = await there.invited(f"{end}@ended.example.com")
        ended.append(invitation_id)
        if end == "accept":
            await there.accept(await there.link(invitation_id))
        elif end == "revoke":
            await there.revoke(invitation_id)
        elif end == "erase":
            await there.allow("open")
            user_id = (await signed_up(there.users, there.tenant_id, f"{end}@ended.example.com")).json()["id"]
            await there.act("DELETE", f"/users/{user_id}")
            assert (await there.users.event_types(there.tenant_id, invitation_id))[-1] == "invitation.withdrawn"
    there.users.clock.move(INVITATION_LIFETIME)
    async with there.users.unit_of_work(there.tenant_id) as uow:
        await uow.jobs.enqueue("cleanup_expired")
    await there.users.run_jobs(there.tenant_id)
    for invitation_id in ended:
        rows = await there.users.rows(
            there.tenant_id, "select payload from events where aggregate_id = :id", id=invitation_id
        )
        assert len(rows) == 2
        assert not any(b"ended.example.com" in row["payload"] for row in rows)
    assert await there.users.rows(there.tenant_id, "select 1 from open_invitations") == []
    assert await there.users.rows(there.tenant_id, "select 1 from invitations") == []


async def test_an_invitation_and_concurrent_sign_ups_are_one_account(there: Company) -> None:
    await there.allow("open")
    token = await there.link(await there.invited(EMAIL))
    sign_ups = [signed_up(there.users, there.tenant_id, EMAIL, f"password number {number}") for number in range(4)]
    accepted, *others = await asyncio.gather(there.accept(token), *sign_ups)
    assert (accepted.status_code, {answer.status_code for answer in others}) == (201, {201})
    assert await there.password_opens(EMAIL, ACCEPTED_PASSWORD)
    rows = await there.users.rows(there.tenant_id, "select verified from users where email = :email", email=EMAIL)
    assert [row["verified"] for row in rows] == [True]


async def test_a_repeated_request_is_one_invitation(there: Company) -> None:
    headers = {**there.owner.headers, "idempotency-key": str(uuid4())}
    first, again = [
        await there.users.http.post("/invitations", json={"email": EMAIL}, headers=headers) for _ in range(2)
    ]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


async def _back(there: Company) -> Member:
    """The owner, with tokens of now."""
    answer = await there.users.log_in(there.tenant_id, there.owner.email)
    return Member(tenant_id=there.tenant_id, user_id=there.owner.user_id, email=unique_address(), tokens=answer.json())
