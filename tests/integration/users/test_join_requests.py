"""Requests to join a tenant with approval: admins see them, approve and refuse them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.users import InvitationRequested
from services.users.handlers import invitations
from tests.integration.users.invited import ACCEPTED_PASSWORD, Company, company, signed_up
from tests.integration.users.service import Member, UsersService

EMAIL = "ada@example.com"


@pytest.fixture
async def there(users: UsersService) -> Company:
    return await company(users)


async def test_a_request_is_approved_by_an_admin(there: Company) -> None:
    users = there.users
    await there.allow("approval")
    answer = await signed_up(users, there.tenant_id, EMAIL, "the password of the sign-up")
    (waiting,) = await there.listed(status="requested")
    assert (waiting["email"], waiting["display_name"], waiting["role"]) == (EMAIL, "Mallory", None)
    assert (await users.http.get(f"/users/{answer.json()['id']}", headers=there.owner.headers)).status_code == 404

    approved = await there.approve(waiting["id"], by=await there.admin())
    assert (approved.status_code, approved.json()["status"], approved.json()["role"]) == (200, "sent", "member")
    assert (await there.approve(waiting["id"])).status_code == 409
    assert (await there.accept(await there.link(UUID(waiting["id"])))).json()["status"] == "active"
    opened = [await there.password_opens(EMAIL, each) for each in ("the password of the sign-up", ACCEPTED_PASSWORD)]
    assert opened == [False, True]


async def test_a_refused_request_ends_and_may_be_repeated(there: Company) -> None:
    await there.allow("approval")
    for _ in range(2):
        await signed_up(there.users, there.tenant_id, EMAIL)
        (waiting,) = await there.listed()
        assert (await there.revoke(waiting["id"])).status_code == 204
        assert (await there.approve(waiting["id"])).status_code == 404
    assert await there.listed() == []


async def test_an_invitation_answers_a_request_of_its_address(there: Company) -> None:
    await there.allow("approval")
    await signed_up(there.users, there.tenant_id, EMAIL)
    await there.invited(EMAIL, role="admin")
    (sent,) = await there.listed()
    assert (sent["email"], sent["status"], sent["role"]) == (EMAIL, "sent", "admin")
    assert (await there.invite(EMAIL)).status_code == 409


async def test_admins_are_mailed_about_requests_once_an_hour(there: Company) -> None:
    admin, _ = await there.admin(), await there.member()
    await there.allow("approval")
    mailed: list[set[UUID]] = []
    for number, pause in enumerate((timedelta(0), timedelta(minutes=59), timedelta(minutes=1))):
        there.users.clock.move(pause)
        await signed_up(there.users, there.tenant_id, f"person{number}@example.com")
        events = [envelope.event for envelope in await there.users.published(there.tenant_id)]
        mailed.append(set([event for event in events if isinstance(event, InvitationRequested)][-1].approvers))
    everyone = {there.owner.user_id, admin.user_id}
    assert mailed == [everyone, set(), everyone]


async def test_requests_and_invitations_have_separate_limits(there: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MAX_OPEN", 2)
    await there.allow("approval")
    for number in range(3):
        answer = await signed_up(there.users, there.tenant_id, f"person{number}@example.com")
        assert answer.status_code == 201
    assert [each["email"] for each in await there.listed()] == ["person1@example.com", "person2@example.com"]
    answers = [await there.invite(f"invited{number}@example.com") for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]


async def becomes_a_member(there: Company, monkeypatch: pytest.MonkeyPatch) -> str:
    await there.allow("open")
    user_id = UUID((await signed_up(there.users, there.tenant_id, EMAIL)).json()["id"])
    assert (await there.users.verify(await there.users.mailed_token(there.tenant_id, user_id))).status_code == 200
    return "already-member"


async def is_kept_for_its_previous_user(there: Company, monkeypatch: pytest.MonkeyPatch) -> str:
    await becomes_a_member(there, monkeypatch)
    tokens = (await there.users.log_in(there.tenant_id, EMAIL)).json()
    (row,) = await there.users.rows(there.tenant_id, "select user_id from users where email = :email", email=EMAIL)
    member = Member(tenant_id=there.tenant_id, user_id=row["user_id"], email=EMAIL, tokens=tokens)
    change = {"email": "moved@example.com"}
    assert (await there.users.http.post("/email/change", json=change, headers=member.headers)).status_code == 202
    assert (await there.users.confirm_address(await there.users.proof_link(member))).status_code == 204
    return "already-member"


async def is_one_too_many(there: Company, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(invitations, "MAX_OPEN", 1)
    await there.invited("first@example.com")
    return "too-many-invitations"


@pytest.mark.parametrize(
    "comes_between",
    [becomes_a_member, is_kept_for_its_previous_user, is_one_too_many],
    ids=lambda comes_between: comes_between.__name__,
)
async def test_an_approval_is_refused_like_an_invitation(
    there: Company,
    monkeypatch: pytest.MonkeyPatch,
    comes_between: Callable[[Company, pytest.MonkeyPatch], Awaitable[str]],
) -> None:
    await there.allow("approval")
    await signed_up(there.users, there.tenant_id, EMAIL)
    (waiting,) = await there.listed(status="requested")
    expected = await comes_between(there, monkeypatch)
    answers = [await there.approve(waiting["id"]), await there.invite(EMAIL)]
    assert [(each.status_code, each.json()["type"].rsplit(":", 1)[-1]) for each in answers] == [(409, expected)] * 2
    assert [each["id"] for each in await there.listed(status="requested")] == [waiting["id"]]
