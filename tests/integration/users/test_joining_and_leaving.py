"""Invitations and changes of address together with the ends of a tenant and of a session."""

from datetime import timedelta

from services.users.domain import Tenant
from tests.integration.users.invited import company, signed_up
from tests.integration.users.service import UsersService, unique_address

NEW_PASSWORD = "another correct horse"


async def test_the_end_of_a_tenant_ends_its_invitations_and_erases_their_addresses(users: UsersService) -> None:
    there = await company(users, "approval")
    invited, asking = unique_address(), unique_address()
    link = await there.link(await there.invited(invited))
    await signed_up(users, there.tenant_id, asking)
    assert sorted(each["status"] for each in await there.listed()) == ["requested", "sent"]

    await there.act("POST", "/tenant/close")

    assert (await there.accept(link)).status_code == 422
    counts = await users.row_counts(there.tenant_id)
    assert (counts["open_invitations"], counts["invitations"]) == (0, 0)
    payloads = await users.rows(
        there.tenant_id, "select type, payload from events where aggregate_type = 'invitation' order by type"
    )
    assert [row["type"] for row in payloads].count("invitation.withdrawn") == 2
    assert not any(address.encode() in row["payload"] for row in payloads for address in (invited, asking))


async def test_a_mailed_password_link_ends_a_change_of_address_that_is_not_proved(users: UsersService) -> None:
    """The owner of a tenant may sign in before the address is proved, and request its change."""
    owner = await users.open_tenant()
    change = {"email": unique_address()}
    assert (await users.http.post("/email/change", json=change, headers=owner.headers)).status_code == 202
    proof = await users.proof_link(owner)
    await users.forget_password(owner.tenant_id, owner.email)
    assert (await users.reset_password(await users.password_link(owner), NEW_PASSWORD)).status_code == 204
    assert (await users.confirm_address(proof)).status_code == 422
    assert (await users.log_in(owner.tenant_id, owner.email, NEW_PASSWORD)).status_code == 200


async def test_a_change_of_address_that_took_effect_can_still_be_taken_back_after_a_password_link(
    users: UsersService,
) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    new = unique_address()
    assert (await users.http.post("/email/change", json={"email": new}, headers=member.headers)).status_code == 202
    cancellation = await users.cancel_link(member)
    assert (await users.confirm_address(await users.proof_link(member))).status_code == 204
    users.clock.move(timedelta(minutes=10))
    await users.forget_password(member.tenant_id, new)
    assert (await users.reset_password(await users.password_link(member), NEW_PASSWORD)).status_code == 204
    assert (await users.http.post("/email/cancel", json={"token": cancellation})).status_code == 204
    assert (await users.log_in(member.tenant_id, new, NEW_PASSWORD)).status_code == 401


async def test_a_link_that_a_request_stored_while_its_tenant_closed_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    waiting = (await users.sign_up(owner.tenant_id, unique_address())).json()["id"]
    await users.forget_password(owner.tenant_id, member.email)
    links = [await users.mailed_token(owner.tenant_id, waiting), await users.password_link(member)]
    async with users.unit_of_work(owner.tenant_id) as uow:  # not by the command, which ends the links
        (await uow.load(Tenant, owner.tenant_id)).close("requested", users.clock.now())
    assert (await users.verify(links[0])).status_code == 409
    assert (await users.reset_password(links[1], NEW_PASSWORD)).status_code == 409
