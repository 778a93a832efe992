"""A changed password, and its effect on sessions."""

import asyncio

from services.users.commands import RenewSession
from services.users.domain import OpaqueToken
from tests.integration.users.service import PASSWORD, UsersService
from tests.integration.users.test_sessions import somebody_waits_for_a_lock
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

ANOTHER = "an even better passphrase"


async def test_a_changed_password_ends_all_other_sessions(users: UsersService) -> None:
    owner = await users.open_tenant()
    elsewhere = (await users.log_in(owner.tenant_id, owner.email)).json()
    await users.forget_password(owner.tenant_id, owner.email)

    changed = await users.change_password(owner, PASSWORD, ANOTHER)

    assert (changed.status_code, changed.headers["cache-control"]) == (200, "no-store")
    for tokens in (owner.tokens, elsewhere):
        assert (await users.refresh(tokens)).status_code == 401
    assert (await users.refresh(changed.json())).status_code == 200
    assert (await users.log_in(owner.tenant_id, owner.email)).status_code == 401
    assert (await users.log_in(owner.tenant_id, owner.email, ANOTHER)).status_code == 200
    assert (await users.reset_password(await users.password_link(owner), PASSWORD)).status_code == 422
    assert (await users.event_types(owner.tenant_id, owner.user_id))[-1] == "user.password_changed"


async def test_a_password_change_needs_the_current_password(users: UsersService) -> None:
    owner = await users.open_tenant()
    assert (await users.change_password(owner, "not the password", ANOTHER)).status_code == 403
    anonymous = await users.http.post("/password/change", json={"current_password": PASSWORD, "new_password": ANOTHER})
    assert anonymous.status_code == 401
    assert (await users.refresh(owner.tokens)).status_code == 200


async def test_one_of_two_concurrent_changes_succeeds(users: UsersService) -> None:
    """The other request is refused: 403 if it verified the password before the change, 401 if its
    session had ended by then. Only the successful request's password works.
    """
    owner = await users.open_tenant()
    passwords = [f"{ANOTHER} {n}" for n in range(2)]
    answers = await asyncio.gather(*(users.change_password(owner, PASSWORD, password) for password in passwords))
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403])
    signed_in = [(await users.log_in(owner.tenant_id, owner.email, password)).is_success for password in passwords]
    assert signed_in == [answer.is_success for answer in answers]


async def test_a_suspended_user_cannot_change_the_password(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    await users.http.post(f"/users/{member.user_id}/suspend", headers=owner.headers)
    assert (await users.change_password(member, PASSWORD, ANOTHER)).status_code == 401
    assert (await users.row_counts(owner.tenant_id))["refresh_tokens"] == 1


async def test_a_concurrently_renewed_session_ends_too(users: UsersService) -> None:
    owner = await users.open_tenant()
    used = OpaqueToken.parse(owner.tokens["refresh_token"])
    assert used is not None
    renewal = RenewSession(digest=used.digest, successor=b"next", at=users.clock.now())

    with bound_tenants([used.tenant_id]):
        async with users.bus.units.begin() as uow:
            await users.bus.execute(renewal, uow)
            changing = asyncio.create_task(users.change_password(owner, PASSWORD, ANOTHER))
            await eventually(lambda: somebody_waits_for_a_lock(users))

    assert (await changing).status_code == 200
    assert (await users.row_counts(owner.tenant_id))["refresh_tokens"] == 1
    assert await users.rows(owner.tenant_id, "select 1 from refresh_tokens where token_hash = 'next'") == []
