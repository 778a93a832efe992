"""Forgotten and changed passwords, and their effect on sessions."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, delete, event, update

from services.users.commands import ResetPassword
from services.users.domain import OpaqueToken
from services.users.domain.request_limits import PASSWORD_LINK_PAUSE
from services.users.jobs import PASSWORD_LINK_LIFETIME
from services.users.tables import credentials, password_reset_tokens
from tests.integration.users.service import UsersService, unique_address
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

ANOTHER = "an even better passphrase"


async def test_a_reset_password_ends_earlier_sessions(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    assert (await users.forget_password(member.tenant_id, member.email.upper())).status_code == 202

    answer = await users.reset_password(await users.password_link(member), ANOTHER)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await users.refresh(member.tokens)).status_code == 401
    assert (await users.log_in(member.tenant_id, member.email)).status_code == 401
    assert (await users.log_in(member.tenant_id, member.email, ANOTHER)).status_code == 200
    assert (await users.refresh(owner.tokens)).status_code == 200
    assert (await users.event_types(member.tenant_id, member.user_id))[-2:] == [
        "user.password_reset_requested",
        "user.password_changed",
    ]


async def test_unknown_and_known_addresses_get_the_same_response_and_work(users: UsersService) -> None:
    owner = await users.open_tenant()
    seen = []
    for email in (owner.email, "nobody@example.com"):
        with statements() as work:
            answer = await users.http.post("/password/forgot", json=_asked(owner.tenant_id, email))
        jobs = await users.rows(owner.tenant_id, "select name, priority, jsonb_object_keys(arguments) as of from jobs")
        headers = {**answer.headers, "x-request-id": ""}
        seen.append((answer.status_code, answer.content, headers, work, jobs))
        await users.run_jobs(owner.tenant_id)
    assert seen[0] == seen[1]
    assert seen[0][3] and seen[0][4], "a request that does nothing would also be the same"
    assert (await users.row_counts(owner.tenant_id))["password_reset_tokens"] == 1


async def test_a_reset_request_writes_only_a_job(users: UsersService) -> None:
    owner = await users.open_tenant()
    before = await users.row_counts(owner.tenant_id)
    await users.http.post("/password/forgot", json=_asked(owner.tenant_id, owner.email))
    assert await users.row_counts(owner.tenant_id) == {**before, "jobs": 1, "job_results": 1}


async def test_password_links_are_rate_limited(users: UsersService) -> None:
    owner = await users.open_tenant()
    for _ in range(3):
        await users.forget_password(owner.tenant_id, owner.email)
    assert (await users.event_types(owner.tenant_id, owner.user_id)).count("user.password_reset_requested") == 1

    first = await users.password_link(owner)
    users.clock.move(PASSWORD_LINK_PAUSE)
    await users.forget_password(owner.tenant_id, owner.email)
    assert (await users.reset_password(first, ANOTHER)).status_code == 422
    assert (await users.reset_password(await users.password_link(owner), ANOTHER)).status_code == 204


async def test_a_link_works_once(users: UsersService) -> None:
    owner = await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    token = await users.password_link(owner)
    answers = await asyncio.gather(*(users.reset_password(token, ANOTHER) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422]
    assert (await users.event_types(owner.tenant_id, owner.user_id)).count("user.password_changed") == 1


async def test_a_link_expires(users: UsersService) -> None:
    owner = await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    users.clock.move(PASSWORD_LINK_LIFETIME)
    assert (await users.reset_password(await users.password_link(owner), ANOTHER)).status_code == 422
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 200


async def test_tokens_of_other_links_and_tenants_set_no_password(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    verification = await users.mailed_token(owner.tenant_id, owner.user_id)
    await users.forget_password(owner.tenant_id, owner.email)
    secret = OpaqueToken.parse(await users.password_link(owner))
    assert secret is not None
    elsewhere = OpaqueToken.of(TenantId(stranger.tenant_id), b"s" * 32).text[:22] + secret.text[22:]
    for token in (verification, elsewhere, owner.tokens["refresh_token"]):
        assert (await users.reset_password(token, ANOTHER)).status_code == 422


async def test_a_reset_verifies_the_address(users: UsersService) -> None:
    owner = await users.open_tenant()
    email = unique_address()
    user_id = UUID((await users.sign_up(owner.tenant_id, email)).json()["id"])
    await users.forget_password(owner.tenant_id, email)
    token = await users.mailed_token(owner.tenant_id, user_id, "user.password_reset_requested")
    assert (await users.reset_password(token, ANOTHER)).status_code == 204
    assert (await users.log_in(owner.tenant_id, email, ANOTHER)).status_code == 200


async def test_a_suspended_user_cannot_receive_or_use_a_link(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await users.forget_password(member.tenant_id, member.email)
    await users.http.post(f"/users/{member.user_id}/suspend", headers=owner.headers)
    before = await users.event_types(member.tenant_id, member.user_id)

    users.clock.move(PASSWORD_LINK_PAUSE)
    assert (await users.forget_password(member.tenant_id, member.email)).status_code == 202
    assert (await users.reset_password(await users.password_link(member), ANOTHER)).status_code == 422
    assert await users.event_types(member.tenant_id, member.user_id) == before


async def test_an_unknown_tenant_gets_the_same_response(users: UsersService) -> None:
    owner = await users.open_tenant()
    unknown = uuid4()
    there = await users.http.post("/password/forgot", json=_asked(owner.tenant_id, "nobody@example.com"))
    nowhere = await users.http.post("/password/forgot", json=_asked(unknown, "nobody@example.com"))
    assert (nowhere.status_code, nowhere.content) == (there.status_code, there.content) == (202, b"")
    jobs = (await users.row_counts(unknown))["jobs"]
    assert jobs == (await users.row_counts(owner.tenant_id))["jobs"] == 1
    await users.run_jobs(unknown)
    after = await users.row_counts(unknown)
    assert (after["jobs"], after["events"]) == (0, 0)


async def test_the_old_password_is_refused_during_its_replacement(users: UsersService) -> None:
    owner = await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    token = OpaqueToken.parse(await users.password_link(owner))
    assert token is not None
    resetting = ResetPassword(digest=token.digest, password_hash="another", at=users.clock.now())

    with bound_tenants([token.tenant_id]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(resetting, uow)
            signing_in = asyncio.create_task(users.log_in(owner.tenant_id, owner.email))
            await eventually(lambda: somebody_waits_for_a_lock(users))

    assert (await signing_in).status_code == 401
    assert (await users.row_counts(owner.tenant_id))["refresh_tokens"] == 0


async def test_a_concurrent_reset_and_change_do_not_deadlock(users: UsersService) -> None:
    owner = await users.open_tenant()
    await users.forget_password(owner.tenant_id, owner.email)
    token = await users.password_link(owner)
    async with users.database.transaction([TenantId(owner.tenant_id)]) as changing:
        await changing.execute(update(credentials).values(password_hash="another"))
        resetting = asyncio.create_task(users.reset_password(token, ANOTHER))
        await eventually(lambda: somebody_waits_for_a_lock(users))
        await changing.execute(delete(password_reset_tokens))
    assert (await resetting).status_code == 422


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database inside the block, without their values."""
    seen: list[str] = []

    def listen(*call: Any) -> None:
        seen.append(call[2])

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


def _asked(tenant_id: UUID, email: str) -> dict[str, str]:
    return {"tenant_id": str(tenant_id), "email": email}
