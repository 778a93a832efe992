"""No other user blocks a previous address that takes a change back. The end of the sessions ends a
change that a thief requested.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from services.users.commands.identity import ActingUser, CloseTenant
from services.users.domain.email_change import CANCELLATION_LIFETIME
from tests.integration.users.invited import Company, company, signed_up
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from tests.integration.users.test_email_change import again, confirm, request
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

NEW = "another correct horse"


async def stolen(there: Company) -> tuple[Member, str]:
    """A member whose address a thief changed, and the link to take it back."""
    users, member = there.users, await there.users.join(there.tenant_id)
    await request(users, member, unique_address())
    cancel = await users.cancel_link(member)
    assert (await confirm(users, await users.proof_link(member))).status_code == 204
    return member, cancel


async def take_back(users: UsersService, cancel: str) -> Any:
    return await users.http.post("/email/cancel", json={"token": cancel})


async def test_a_sign_up_with_the_previous_address_does_not_block_it(users: UsersService) -> None:
    there = await company(users, "open")
    member, cancel = await stolen(there)
    refused, ordinary = await users.sign_up(there.tenant_id, member.email), await users.sign_up(there.tenant_id)
    assert (refused.status_code, refused.json().keys()) == (ordinary.status_code, ordinary.json().keys())
    assert await users.event_types(there.tenant_id, refused.json()["id"]) == []
    assert (await take_back(users, cancel)).status_code == 204
    shown = await users.http.get(f"/users/{member.user_id}", headers=there.owner.headers)
    assert shown.json()["email"] == member.email


async def test_the_previous_address_is_free_when_it_can_no_longer_take_the_change_back(users: UsersService) -> None:
    there = await company(users, "open")
    member, _ = await stolen(there)
    users.clock.move(CANCELLATION_LIFETIME)
    made = await users.sign_up(there.tenant_id, member.email)
    assert (await users.event_types(there.tenant_id, made.json()["id"]))[0] == "user.created"


async def test_invitations_and_acceptances_do_not_block_the_previous_address(users: UsersService) -> None:
    there = await company(users, "open")
    invited = unique_address()
    link = await there.link(await there.invited(invited))
    member, cancel = await stolen(there)
    assert (await there.invite(member.email)).json()["type"].rsplit(":", 1)[-1] == "already-member"
    async with users.unit_of_work(there.tenant_id) as uow:  # as if invited before the change
        await uow.rows.exec_driver_sql(f"update open_invitations set email = '{member.email}'")
    assert (await there.accept(link)).status_code == 409
    assert (await take_back(users, cancel)).status_code == 204


async def test_another_user_cannot_change_to_the_previous_address(users: UsersService) -> None:
    there = await company(users, "open")
    member, cancel = await stolen(there)
    other = await users.join(there.tenant_id)
    await request(users, other, member.email)
    assert (await confirm(users, await users.proof_link(other))).status_code == 409
    assert (await take_back(users, cancel)).status_code == 204


async def test_a_proved_address_ends_the_registration_of_a_person_who_did_not_prove_it(users: UsersService) -> None:
    there, new = await company(users, "open"), unique_address()
    squatter = (await signed_up(users, there.tenant_id, new)).json()["id"]
    link = await users.mailed_token(there.tenant_id, UUID(squatter))
    member = await users.join(there.tenant_id)
    await request(users, member, new)
    assert (await confirm(users, await users.proof_link(member))).status_code == 204
    assert (await users.event_types(there.tenant_id, squatter))[-1] == "user.erased"
    assert (await users.verify(link)).status_code == 422
    assert (await users.log_in(there.tenant_id, new)).status_code == 200


async def test_password_and_sessions_end_also_if_another_user_has_the_previous_address(users: UsersService) -> None:
    there = await company(users, "open")
    member, cancel = await stolen(there)
    other = await users.join(there.tenant_id)
    async with users.unit_of_work(there.tenant_id) as uow:
        await uow.rows.exec_driver_sql(
            f"update credentials set email = '{member.email}' where user_id = '{other.user_id}'"
        )
    answer = await take_back(users, cancel)
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (409, "address-in-use")
    assert (await users.refresh(member.tokens)).status_code == 401
    async with users.unit_of_work(there.tenant_id) as uow:
        await uow.rows.exec_driver_sql(
            f"update credentials set email = '{other.email}' where user_id = '{other.user_id}'"
        )
    assert (await take_back(users, cancel)).status_code == 204
    assert (await users.log_in(there.tenant_id, member.email)).status_code == 401


async def by_new_password(there: Company, member: Member) -> None:
    assert (await there.users.change_password(member, PASSWORD, NEW)).status_code == 200


async def by_end_of_sessions(there: Company, member: Member) -> None:
    assert (await there.users.http.delete("/sessions", headers=member.headers)).status_code == 204


async def by_admin(there: Company, member: Member) -> None:
    await there.act("DELETE", f"/users/{member.user_id}/sessions")


@pytest.mark.parametrize("ended", [by_new_password, by_end_of_sessions, by_admin], ids=lambda ended: ended.__name__)
async def test_the_end_of_all_sessions_ends_a_change_that_is_not_proved(
    users: UsersService, ended: Callable[[Company, Member], Awaitable[None]]
) -> None:
    there = await company(users, "open")
    member = await users.join(there.tenant_id)
    await request(users, member, unique_address())
    proof = await users.proof_link(member)
    await ended(there, member)
    assert (await confirm(users, proof)).status_code == 422


async def test_an_erasure_withdraws_the_invitations_of_a_requested_address(users: UsersService) -> None:
    there, new = await company(users, "open"), unique_address()
    member = await users.join(there.tenant_id)
    await there.invited(new)
    await request(users, member, new)
    assert (await users.http.delete(f"/users/{member.user_id}", headers=member.headers)).status_code == 204
    assert await there.listed() == []


async def test_a_change_that_waits_for_the_end_of_the_tenant_is_refused(users: UsersService) -> None:
    there = await company(users, "open")
    member = await again(users, await users.join(there.tenant_id))
    sessions = await users.rows(
        there.tenant_id, "select session_id from sessions where user_id = :id", id=there.owner.user_id
    )
    actor = ActingUser(user_id=there.owner.user_id, role=Role.OWNER, session_id=sessions[0]["session_id"])
    command = CloseTenant(tenant_id=there.tenant_id, actor=actor, at=users.clock.now())
    with bound_tenants([TenantId(there.tenant_id)]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(command, uow)
            late = asyncio.create_task(request(users, member, unique_address()))
            await eventually(lambda: somebody_waits_for_a_lock(users))
    assert (await late).status_code == 409
    assert (await users.row_counts(there.tenant_id))["email_changes"] == 0
