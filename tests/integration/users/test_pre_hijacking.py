"""An attacker registers a victim's address before, during and after the victim. The account belongs
to the reader of the mail.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.users.domain.request_limits import VERIFICATION_LINKS, VERIFICATION_WINDOW
from tests.integration.users.service import PASSWORD, Member, UsersService

EMAIL = "victim@example.com"
ATTACKERS_PASSWORD, VICTIMS_PASSWORD = "the attacker's password", "the victim's own password"


class Victim:
    """The owner of the address, and their registrations."""

    def __init__(self, users: UsersService, owner: Member) -> None:
        self._users = users
        self.tenant_id = owner.tenant_id
        self._headers = owner.headers

    async def signed_up(self, password: str, name: str = "Ada Lovelace") -> httpx.Response:
        body = {"tenant_id": str(self.tenant_id), "email": EMAIL, "password": password, "display_name": name}
        answer = await self._users.http.post("/signup", json=body)
        assert answer.status_code == 201, answer.text
        return answer

    async def user_id(self) -> UUID:
        query = "select user_id from credentials where email = :email"
        user_id: UUID = (await self._users.rows(self.tenant_id, query, email=EMAIL))[0]["user_id"]
        return user_id

    async def link(self) -> str:
        """The link of the newest mail."""
        return await self._users.mailed_token(self.tenant_id, await self.user_id())

    async def follow(self, link: str, password: str = VICTIMS_PASSWORD) -> int:
        return (await self._users.verify(link, password)).status_code

    async def opens(self, password: str) -> bool:
        return (await self._users.log_in(self.tenant_id, EMAIL, password)).status_code == 200

    async def name(self) -> str:
        shown = await self._users.http.get(f"/users/{await self.user_id()}", headers=self._headers)
        name: str = shown.json()["display_name"]
        return name


@pytest.fixture
async def victim(users: UsersService) -> Victim:
    return Victim(users, await users.open_tenant())


@pytest.mark.parametrize(
    "before",
    [[], [ATTACKERS_PASSWORD], [ATTACKERS_PASSWORD] * (VERIFICATION_LINKS - 1), [VICTIMS_PASSWORD, ATTACKERS_PASSWORD]],
    ids=["nobody", "once", "often", "in between"],
)
async def test_the_registration_with_the_opened_link_gets_the_account(victim: Victim, before: Sequence[str]) -> None:
    earlier = []
    for password in before:
        await victim.signed_up(password, "Mallory")
        earlier.append(await victim.link())
    await victim.signed_up(VICTIMS_PASSWORD, "Ada")

    assert [await victim.follow(link) for link in earlier] == [422] * len(earlier)
    assert await victim.follow(await victim.link()) == 200
    assert (await victim.opens(VICTIMS_PASSWORD), await victim.opens(ATTACKERS_PASSWORD), await victim.name()) == (
        True,
        False,
        "Ada",
    )


async def test_a_registration_after_verification_changes_nothing(victim: Victim) -> None:
    await victim.signed_up(VICTIMS_PASSWORD, "Ada")
    link = await victim.link()
    assert await victim.follow(link) == 200
    await victim.signed_up(ATTACKERS_PASSWORD, "Mallory")
    assert await victim.link() == link
    assert await victim.follow(link) == 422
    assert (await victim.opens(VICTIMS_PASSWORD), await victim.opens(ATTACKERS_PASSWORD), await victim.name()) == (
        True,
        False,
        "Ada",
    )


async def test_a_link_beyond_the_limit_verifies_no_other_registration(victim: Victim, users: UsersService) -> None:
    """At the limit of mails the next registration is not mailed, and earlier links do not verify
    it.
    """
    for _ in range(VERIFICATION_LINKS):
        await victim.signed_up(ATTACKERS_PASSWORD)
    link = await victim.link()
    await victim.signed_up(VICTIMS_PASSWORD)
    assert await victim.link() == link
    assert await victim.follow(link) == 422

    users.clock.move(VERIFICATION_WINDOW)
    await victim.signed_up(VICTIMS_PASSWORD)
    assert await victim.follow(await victim.link()) == 200
    assert (await victim.opens(VICTIMS_PASSWORD), await victim.opens(ATTACKERS_PASSWORD)) == (True, False)


async def test_a_reset_password_survives_verification_links(victim: Victim, users: UsersService) -> None:
    await victim.signed_up(ATTACKERS_PASSWORD)
    attackers_link, user_id = await victim.link(), await victim.user_id()
    tenant_id = victim.tenant_id
    await users.forget_password(tenant_id, EMAIL)
    reset = await users.mailed_token(tenant_id, user_id, "user.password_reset_requested")
    assert (await users.reset_password(reset, VICTIMS_PASSWORD)).status_code == 204
    assert await victim.follow(attackers_link) == 422
    assert (await victim.opens(VICTIMS_PASSWORD), await victim.opens(ATTACKERS_PASSWORD)) == (True, False)


async def test_verification_invalidates_an_earlier_reset_link(victim: Victim, users: UsersService) -> None:
    await victim.signed_up(ATTACKERS_PASSWORD)
    tenant_id, user_id = victim.tenant_id, await victim.user_id()
    await users.forget_password(tenant_id, EMAIL)
    reset = await users.mailed_token(tenant_id, user_id, "user.password_reset_requested")
    await victim.signed_up(VICTIMS_PASSWORD)
    assert await victim.follow(await victim.link()) == 200
    assert (await users.reset_password(reset, ATTACKERS_PASSWORD)).status_code == 422


async def test_an_owners_password_survives_other_registrations(users: UsersService) -> None:
    """An owner may sign in before the address is verified, so the account is already theirs."""
    owner = await users.open_tenant()
    users.clock.move(VERIFICATION_WINDOW)
    body = {
        "tenant_id": str(owner.tenant_id),
        "email": owner.email,
        "password": ATTACKERS_PASSWORD,
        "display_name": "Mallory",
    }
    assert (await users.http.post("/signup", json=body)).status_code == 201
    link = await users.mailed_token(owner.tenant_id, owner.user_id)
    assert (await users.verify(link)).json()["display_name"] == "Grace Hopper"
    opened = [
        (await users.log_in(owner.tenant_id, owner.email, password)).status_code
        for password in (PASSWORD, ATTACKERS_PASSWORD)
    ]
    assert opened == [200, 401]
    assert (await users.refresh(owner.tokens)).status_code == 200


async def test_one_of_concurrent_registrations_gets_the_account(victim: Victim) -> None:
    passwords = [f"password number {number}" for number in range(VERIFICATION_LINKS)]
    await asyncio.gather(*(victim.signed_up(password) for password in passwords))
    answers = [await victim.follow(await victim.link(), password) for password in passwords]
    assert answers.count(200) == 1
    assert [await victim.opens(password) for password in passwords] == [answer == 200 for answer in answers]


async def test_registration_data_is_deleted_with_its_link(victim: Victim, users: UsersService) -> None:
    await victim.signed_up(ATTACKERS_PASSWORD)
    tenant_id = victim.tenant_id
    users.clock.move(timedelta(seconds=1))
    assert await victim.follow(await victim.link(), ATTACKERS_PASSWORD) == 200
    assert await users.rows(tenant_id, "select 1 from verification_tokens where display_name is not null") == []
