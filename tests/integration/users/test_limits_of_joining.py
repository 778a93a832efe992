"""The limits apply to invitations, changes of address, confirmations and closed tenants too, and
reveal no tenant.
"""

from uuid import uuid4

import pytest
from sqlalchemy import text

from services.users.domain.sign_in_delay import FREE_FAILURES
from services.users.handlers import mail_bound
from services.users.handlers.mail_bound import UNASKED_MAILS, WINDOW
from tests.integration.users.invited import ACCEPTED_PASSWORD, company, signed_up
from tests.integration.users.service import PASSWORD, UsersService, unique_address

WRONG = "a wrong password"


async def test_wrong_confirmations_delay_like_wrong_sign_ins(users: UsersService) -> None:
    owner = await users.open_tenant()

    async def confirm(password: str) -> int:
        body = {"password": password}
        return (await users.http.post("/sessions/confirm", json=body, headers=owner.headers)).status_code

    assert await confirm(PASSWORD) == 204
    assert {await confirm(WRONG) for _ in range(FREE_FAILURES)} == {403}
    assert await confirm(PASSWORD) == 403


async def test_an_accepted_invitation_refuses_easy_passwords_and_ends_the_delay(users: UsersService) -> None:
    there, email = await company(users), unique_address()
    for _ in range(FREE_FAILURES):
        await users.log_in(there.tenant_id, email, WRONG)
    link = await there.link(await there.invited(email))
    for easy in ("password1234", email, "Analytical Engines"):
        refused = await there.accept(link, easy)
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (422, "password-too-common")
    assert (await there.accept(link)).status_code == 201
    assert await there.password_opens(email, ACCEPTED_PASSWORD)


async def test_a_proved_new_address_ends_its_delay(users: UsersService) -> None:
    owner, new = await users.open_tenant(), unique_address()
    for _ in range(FREE_FAILURES):
        await users.log_in(owner.tenant_id, new, WRONG)
    assert (await users.http.post("/email/change", json={"email": new}, headers=owner.headers)).status_code == 202
    assert (await users.confirm_address(await users.proof_link(owner))).status_code == 204
    assert (await users.log_in(owner.tenant_id, new)).status_code == 200


async def test_the_password_of_a_sign_up_reveals_neither_the_tenant_nor_its_name(users: UsersService) -> None:
    there = await company(users)
    name = "Analytical Engines"
    answers = [await signed_up(users, tenant, unique_address(), name) for tenant in (there.tenant_id, uuid4())]
    assert [answer.status_code for answer in answers] == [201, 201]


async def test_invitations_to_one_address_are_bounded_by_tenant(users: UsersService) -> None:
    there, other, email = await company(users), await company(users), unique_address()
    for _ in range(UNASKED_MAILS):
        assert (await there.revoke(await there.invited(email))).status_code == 204
    assert (await there.invite(email)).status_code == 429
    assert (await other.invite(email)).status_code == 201


async def test_invitations_to_one_address_are_bounded_over_all_tenants(
    users: UsersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_bound, "INVITATIONS_BY_ALL", 6)
    email, companies = unique_address(), [await company(users, "approval") for _ in range(2)]
    for number in range(mail_bound.INVITATIONS_BY_ALL):
        there = companies[number % 2]
        assert (await there.revoke(await there.invited(email))).status_code == 204
    refused = await companies[0].invite(email)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (429, "too-many-invitation-mails")
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW.total_seconds()
    assert await companies[0].listed() == []
    await signed_up(users, companies[1].tenant_id, email)
    (asked,) = await companies[1].listed()
    assert (await companies[1].approve(asked["id"])).status_code == 429
    assert (await companies[0].invite(unique_address())).status_code == 201


async def test_mails_of_other_kinds_do_not_count_as_invitations(users: UsersService) -> None:
    there, email = await company(users), unique_address()
    for _ in range(UNASKED_MAILS + 1):
        owner = {"email": email, "password": PASSWORD, "display_name": "Grace Hopper"}
        await users.http.post("/tenants", json={"name": "Engines", "owner": owner})
    assert (await there.invite(email)).status_code == 201


async def test_changes_of_address_count_as_unasked_mails_and_answer_alike(users: UsersService) -> None:
    victim, other = unique_address(), await users.open_tenant()
    for _ in range(UNASKED_MAILS):
        owner = {"email": victim, "password": PASSWORD, "display_name": "Grace Hopper"}
        await users.http.post("/tenants", json={"name": "Engines", "owner": owner})
    asked = await users.http.post("/email/change", json={"email": victim}, headers=other.headers)
    assert (asked.status_code, asked.content) == (202, b"")
    assert "user.email_change_requested" not in await users.event_types(other.tenant_id, other.user_id)


async def test_mails_of_other_kinds_do_not_stop_the_password_link_of_a_proved_address(users: UsersService) -> None:
    there = await company(users)
    for _ in range(UNASKED_MAILS + 1):
        owner = {"email": there.owner.email, "password": PASSWORD, "display_name": "Grace Hopper"}
        await users.http.post("/tenants", json={"name": "Engines", "owner": owner})
    await users.forget_password(there.tenant_id, there.owner.email)
    assert "user.password_reset_requested" in await users.event_types(there.tenant_id, there.owner.user_id)


async def test_the_job_of_one_tenant_deletes_old_counts_and_does_not_wait_for_a_mail(users: UsersService) -> None:
    owner = await users.open_tenant()
    await users.open_tenant()
    users.clock.move(WINDOW)
    async with users.unit_of_work(owner.tenant_id) as uow:
        await uow.jobs.enqueue("cleanup_expired")
    async with users.unit_of_work(owner.tenant_id) as uow:
        mails = "select address_digest from mails_to_addresses order by 1 limit 1 for update"
        (locked,) = (await uow.rows.execute(text(mails))).scalars()
        await users.run_jobs(owner.tenant_id)
        left = (await uow.rows.execute(text("select address_digest from mails_to_addresses"))).scalars().all()
    assert left == [locked]


async def test_wrong_passwords_in_a_closed_tenant_leave_no_rows(users: UsersService) -> None:
    """No scheduled job runs for it, so nothing would delete them."""
    owner = await users.open_tenant()
    await users.log_in(owner.tenant_id, unique_address(), WRONG)
    assert (await users.row_counts(owner.tenant_id))["sign_in_failures"] == 1
    assert (await users.http.post("/tenant/close", headers=owner.headers)).status_code == 204
    answers = [await users.log_in(owner.tenant_id, email, WRONG) for email in (owner.email, unique_address())]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert (await users.row_counts(owner.tenant_id))["sign_in_failures"] == 0
