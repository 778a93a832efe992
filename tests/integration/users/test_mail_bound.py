"""At most ten unasked mails per address and hour, over all tenants; the caller learns nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.users.handlers.mail_bound import SIGN_UP_MAILS, UNASKED_MAILS, may_mail
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address
from tests.integration.users.test_email_change import request
from waypost.testing.database import connected

HOUR = timedelta(hours=1)


async def mails_to(users: UsersService, email: str) -> int:
    """The events that cause a mail to this address, over all tenants. The owner of a new tenant is
    mailed the link alone.
    """
    async with connected(users.where.owner) as owner:
        for table in ("credentials", "events", "accounts.users"):
            await owner.execute(f"alter table {table} no force row level security")
        count: int = await owner.fetchval(
            "select count(*) from events join credentials on user_id = aggregate_id"
            " join accounts.users using (user_id) where credentials.email = $1 and (type in"
            " ('user.verification_requested', 'user.password_reset_requested')"
            " or type = 'user.created' and role <> 'owner')",
            email,
        )
    return count


async def open_with(users: UsersService, email: str) -> Any:
    owner = {"email": email, "password": PASSWORD, "display_name": "Grace Hopper"}
    return await users.http.post("/tenants", json={"name": "Engines", "owner": owner})


async def test_new_tenants_and_sign_ups_share_the_bound_and_answer_alike(users: UsersService) -> None:
    victim = unique_address()
    other = await users.open_tenant()
    opened = [await open_with(users, victim) for _ in range(UNASKED_MAILS + 3)]
    assert {answer.status_code for answer in opened} == {201}
    assert await mails_to(users, victim) == UNASKED_MAILS
    signed_up, ordinary = await users.sign_up(other.tenant_id, victim), await users.sign_up(other.tenant_id)
    assert (signed_up.status_code, signed_up.headers["etag"]) == (ordinary.status_code, ordinary.headers["etag"])
    assert signed_up.json().keys() == ordinary.json().keys()
    assert await mails_to(users, victim) == UNASKED_MAILS
    users.clock.move(HOUR)
    await users.sign_up(other.tenant_id, victim)
    assert await mails_to(users, victim) == UNASKED_MAILS + SIGN_UP_MAILS


async def test_a_tenant_beyond_the_bound_is_opened_and_its_owner_gets_a_link_later(users: UsersService) -> None:
    """The answer is 201, so the tenant exists."""
    victim, key = unique_address(), {"idempotency-key": "create-tenant-2"}
    for _ in range(UNASKED_MAILS):
        await open_with(users, victim)
    owner = {"email": victim, "password": PASSWORD, "display_name": "Grace Hopper"}
    body = {"name": "Engines", "owner": owner}
    made, again = [(await users.http.post("/tenants", json=body, headers=key)).json() for _ in range(2)]
    assert made == again
    tenant_id, owner_id = UUID(made["tenant_id"]), UUID(made["owner_id"])
    assert (await users.log_in(tenant_id, victim)).status_code == 200
    assert await users.event_types(tenant_id, owner_id) == ["user.created"]
    users.clock.move(HOUR)
    await users.sign_up(tenant_id, victim)
    verified = await users.verify(await users.mailed_token(tenant_id, owner_id))
    assert (verified.status_code, verified.json()["role"]) == (200, "owner")


async def test_a_change_of_an_unproved_address_counts_for_the_present_one_too(users: UsersService) -> None:
    """It is mailed there as well, and the owner of a new tenant has only typed the address."""
    victim = unique_address()
    opened = [await open_with(users, victim) for _ in range(UNASKED_MAILS)]
    made = opened[0].json()
    tenant_id, owner_id = UUID(made["tenant_id"]), UUID(made["owner_id"])
    signed_in = await users.log_in(tenant_id, victim)
    owner = Member(tenant_id=tenant_id, user_id=owner_id, email=victim, tokens=signed_in.json())
    assert (await request(users, owner, unique_address())).status_code == 202
    assert "user.email_change_requested" not in await users.event_types(tenant_id, owner_id)


async def test_forgotten_passwords_count_over_all_tenants(users: UsersService) -> None:
    email = unique_address()
    tenants = [UUID((await open_with(users, email)).json()["tenant_id"]) for _ in range(UNASKED_MAILS - 2)]
    for tenant_id in tenants[:4]:
        assert (await users.forget_password(tenant_id, email)).status_code == 202
    assert await mails_to(users, email) == UNASKED_MAILS


async def test_other_addresses_are_not_bounded(users: UsersService) -> None:
    victim, other = unique_address(), unique_address()
    for _ in range(UNASKED_MAILS):
        await open_with(users, victim)
    await open_with(users, other)
    assert await mails_to(users, other) == 1


async def test_at_the_bound_a_registration_still_replaces_the_link_of_another(users: UsersService) -> None:
    """Otherwise the mailed link of another person's sign-up would give the account that person's
    password.
    """
    tenant, victim = await users.open_tenant(), unique_address()
    user_id = UUID((await users.sign_up(tenant.tenant_id, victim)).json()["id"])
    link = await users.mailed_token(tenant.tenant_id, user_id)
    for _ in range(UNASKED_MAILS):
        await open_with(users, victim)
    await users.sign_up(tenant.tenant_id, victim)
    assert (await users.verify(link)).status_code == 422


async def test_two_callers_may_use_one_idempotency_key(users: UsersService) -> None:
    key = {"idempotency-key": "create-tenant-1"}

    async def create(email: str, name: str = "Engines") -> Any:
        owner = {"email": email, "password": PASSWORD, "display_name": "Grace Hopper"}
        return await users.http.post("/tenants", json={"name": name, "owner": owner}, headers=key)

    one, another = unique_address(), unique_address()
    first, again, other = await create(one), await create(one), await create(another)
    assert first.json() == again.json()
    assert (other.status_code, other.json() == first.json()) == (201, False)
    assert (await create(one, name="Looms")).status_code == 422  # the same caller with another body


async def unused(users: UsersService, victim: str) -> UUID:
    return (await users.open_tenant()).tenant_id


async def unverified(users: UsersService, victim: str) -> UUID:
    tenant_id = await unused(users, victim)
    await users.sign_up(tenant_id, victim)
    return tenant_id


async def verified(users: UsersService, victim: str, *, suspended: bool = False) -> UUID:
    owner = await users.verified_tenant()
    user_id = (await users.sign_up(owner.tenant_id, victim)).json()["id"]
    token = await users.mailed_token(owner.tenant_id, user_id)
    assert (await users.verify(token)).status_code == 200
    if suspended:
        answer = await users.http.post(f"/users/{user_id}/suspend", json={}, headers=owner.headers)
        assert answer.is_success, answer.text
    return owner.tenant_id


async def suspended(users: UsersService, victim: str) -> UUID:
    return await verified(users, victim, suspended=True)


async def not_admitted(users: UsersService, victim: str) -> UUID:
    return (await users.open_tenant(join_policy={"mode": "closed"})).tenant_id


async def no_tenant(users: UsersService, victim: str) -> UUID:
    return uuid4()


@pytest.mark.parametrize(("ask", "mails"), [("sign_up", SIGN_UP_MAILS), ("forget_password", 1)])
async def test_the_count_does_not_show_whether_an_address_has_an_account(
    users: UsersService, ask: str, mails: int
) -> None:
    """The owner of a new tenant sees in their user's version whether the link was mailed."""
    seen = {}
    for account in (unused, unverified, verified, suspended, not_admitted, no_tenant):
        victim = unique_address()
        tenant_id = await account(users, victim)
        users.clock.move(HOUR)
        async with users.unit_of_work(tenant_id) as uow:
            assert await may_mail(victim, users.clock.now(), uow, mails=UNASKED_MAILS - mails)
        await getattr(users, ask)(tenant_id, victim)
        made = (await open_with(users, victim)).json()
        seen[account.__name__] = await users.event_types(UUID(made["tenant_id"]), UUID(made["owner_id"]))
    assert seen == {account: ["user.created"] for account in seen}
