"""A change of the address: the new one is proved, and the previous one can take it back."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select

from services.users.domain.email_change import CANCELLATION_LIFETIME, PROOF_LIFETIME
from services.users.domain.request_limits import EMAIL_CHANGE_PAUSE
from services.users.tables import credentials, sessions
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from tests.integration.users.test_own_sessions import bearer
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.testing.eventually import eventually


async def test_the_address_changes_when_the_new_one_is_proved(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    new = unique_address()
    assert (await request(users, member, new.upper())).status_code == 202
    assert (await users.log_in(member.tenant_id, new)).status_code == 401
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200

    proof = await users.proof_link(member)
    assert (await confirm(users, proof)).status_code == 204

    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    assert (await users.log_in(member.tenant_id, new)).status_code == 200
    shown = (await users.http.get(f"/users/{member.user_id}", headers=member.headers)).json()
    assert (shown["email"], shown["status"]) == (new, "active")
    events = await users.event_types(member.tenant_id, member.user_id)
    assert events[-3:] == ["user.email_change_requested", "user.email_changed", "user.email_verified"]
    assert (await confirm(users, proof)).status_code == 422


async def test_links_to_the_previous_address_end(users: UsersService) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    await users.forget_password(member.tenant_id, member.email)
    reset = await users.password_link(member)
    await request(users, member, unique_address())
    assert (await confirm(users, await users.proof_link(member))).status_code == 204
    assert (await users.reset_password(reset, "another correct horse")).status_code == 422


@pytest.mark.parametrize("confirmed", [False, True])
async def test_the_previous_address_takes_the_change_back(users: UsersService, confirmed: bool) -> None:
    """Also after it took effect. Who requested it knew the password, so it ends as well."""
    member = await users.join((await users.open_tenant()).tenant_id)
    new = unique_address()
    await request(users, member, new)
    proof, cancel = await users.proof_link(member), await users.cancel_link(member)
    intruder, reset_by_intruder = member.tokens, ""
    if confirmed:
        await confirm(users, proof)
        intruder = (await users.log_in(member.tenant_id, new)).json()
        users.clock.move(CANCELLATION_LIFETIME - timedelta(seconds=1))
        intruder = (await users.refresh(intruder)).json()
        await users.forget_password(member.tenant_id, new)
        reset_by_intruder = await users.password_link(member)

    assert (await users.http.post("/email/cancel", json={"token": cancel})).status_code == 204

    assert (await confirm(users, proof)).status_code == 422
    for address in (new, member.email):
        assert (await users.log_in(member.tenant_id, address)).status_code == 401
    if confirmed:
        assert (await users.refresh(intruder)).status_code == 401
        assert (await users.http.get("/sessions", headers=bearer(intruder))).status_code == 401
        assert (await users.reset_password(reset_by_intruder, "the intruder's own")).status_code == 422
        users.clock.move(EMAIL_CHANGE_PAUSE)
    await users.forget_password(member.tenant_id, member.email)
    assert (await users.reset_password(await users.password_link(member), "another correct horse")).status_code == 204
    assert (await users.log_in(member.tenant_id, member.email, "another correct horse")).status_code == 200
    assert (await users.http.post("/email/cancel", json={"token": cancel})).status_code == 422


async def test_links_end_with_their_time(users: UsersService) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    await request(users, member, unique_address())
    proof, cancel = await users.proof_link(member), await users.cancel_link(member)
    users.clock.move(PROOF_LIFETIME)
    assert (await confirm(users, proof)).status_code == 422
    users.clock.move(CANCELLATION_LIFETIME - PROOF_LIFETIME)
    assert (await users.http.post("/email/cancel", json={"token": cancel})).status_code == 422
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200


async def test_the_request_does_not_reveal_a_taken_address_and_its_owner_keeps_it(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    free, taken = await request(users, member, unique_address()), None
    users.clock.move(EMAIL_CHANGE_PAUSE)
    member = await again(users, member)
    taken = await request(users, member, owner.email)
    assert (free.status_code, free.content) == (taken.status_code, taken.content) == (202, b"")
    refused = await confirm(users, await users.proof_link(member))
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "address-in-use")
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 200
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 200


async def test_a_second_request_replaces_the_first_but_not_a_change_that_can_be_taken_back(users: UsersService) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    await request(users, member, unique_address())
    first = await users.proof_link(member)
    assert (await request(users, member, unique_address())).status_code == 409
    users.clock.move(EMAIL_CHANGE_PAUSE)
    member = await again(users, member)
    new = unique_address()
    assert (await request(users, member, new)).status_code == 202
    assert (await confirm(users, first)).status_code == 422
    assert (await confirm(users, await users.proof_link(member))).status_code == 204
    users.clock.move(EMAIL_CHANGE_PAUSE)
    moved = Member(tenant_id=member.tenant_id, user_id=member.user_id, email=new, tokens=member.tokens)
    moved = await again(users, moved)
    assert (await request(users, moved, unique_address())).status_code == 409
    users.clock.move(CANCELLATION_LIFETIME)
    moved = await again(users, moved)
    assert (await request(users, moved, unique_address())).status_code == 202


async def test_the_present_address_changes_nothing(users: UsersService) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    before = await users.event_types(member.tenant_id, member.user_id)
    assert (await request(users, member, member.email)).status_code == 202
    assert await users.event_types(member.tenant_id, member.user_id) == before


async def test_an_erasure_ends_the_links_and_leaves_no_address(users: UsersService) -> None:
    member = await users.join((await users.open_tenant()).tenant_id)
    new = unique_address()
    await request(users, member, new)
    proof, cancel = await users.proof_link(member), await users.cancel_link(member)
    assert (await users.http.delete(f"/users/{member.user_id}", headers=member.headers)).status_code == 204
    assert (await confirm(users, proof)).status_code == 422
    assert (await users.http.post("/email/cancel", json={"token": cancel})).status_code == 422
    assert await users.rows(member.tenant_id, "select 1 from email_changes") == []
    payloads = await users.rows(
        member.tenant_id, "select payload from events where aggregate_id = :id", id=member.user_id
    )
    assert [row for row in payloads if new.encode() in row["payload"] or member.email.encode() in row["payload"]] == []


@pytest.mark.parametrize(("path", "proof"), [("/email/confirm", {"password": PASSWORD}), ("/email/cancel", {})])
async def test_an_invented_token_is_refused_and_a_page_changes_nothing(
    users: UsersService, path: str, proof: dict[str, str]
) -> None:
    for text in ("x", "ä" * 40, "A" * 64):
        refused = await users.http.post(path, json={"token": text, **proof})
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (422, "token-not-valid")
    page = await users.http.get(path)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert f'"{path}"' in page.text


async def request(users: UsersService, member: Member, email: str) -> httpx.Response:
    return await users.http.post("/email/change", json={"email": email}, headers=member.headers)


async def confirm(users: UsersService, token: str, password: str = PASSWORD) -> httpx.Response:
    return await users.confirm_address(token, password)


async def again(users: UsersService, member: Member) -> Member:
    tokens: Any = (await users.log_in(member.tenant_id, member.email, PASSWORD)).json()
    return Member(tenant_id=member.tenant_id, user_id=member.user_id, email=member.email, tokens=tokens)


async def test_a_session_that_ends_before_the_change_is_stored_changes_nothing(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    async with users.unit_of_work(owner.tenant_id) as uow:
        locked = select(credentials).where(credentials.c.user_id == member.user_id).with_for_update()
        await uow.rows.execute(locked)
        changing = asyncio.create_task(request(users, member, unique_address()))
        await eventually(lambda: somebody_waits_for_a_lock(users))
        await uow.rows.execute(delete(sessions).where(sessions.c.user_id == member.user_id))
    assert (await changing).status_code == 403
    assert await users.rows(member.tenant_id, "select 1 from email_changes") == []
