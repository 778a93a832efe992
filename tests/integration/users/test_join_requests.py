"""Requests to join a tenant with approval: admins see them, approve and refuse them."""

from datetime import timedelta
from uuid import UUID

import pytest

from schemas.users import InvitationRequested
from services.users.handlers import invitations
from tests.integration.users.invited import ACCEPTED_PASSWORD, Company, company, signed_up
from tests.integration.users.service import UsersService

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
