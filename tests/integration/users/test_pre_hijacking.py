"""A stranger signs up with somebody's address before, beside and after them. Who reads the mail
decides whose account it is.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.users.domain.user import VERIFICATION_LINKS, VERIFICATION_WINDOW
from tests.integration.users.service import PASSWORD, Member, UsersService

EMAIL = "victim@example.com"
STRANGERS, THEIR_OWN = "the stranger's password", "the victim's own password"


class Victim:
    """The holder of the address, and what was done with it."""

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
        found: UUID = (await self._users.rows(self.tenant_id, query, email=EMAIL))[0]["user_id"]
        return found

    async def link(self) -> str:
        """Of the newest mail."""
        return await self._users.mailed_token(self.tenant_id, await self.user_id())

    async def follow(self, link: str) -> int:
        return (await self._users.http.post("/verify", json={"token": link})).status_code

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
    [[], [STRANGERS], [STRANGERS] * (VERIFICATION_LINKS - 1), [THEIR_OWN, STRANGERS]],
    ids=["nobody", "once", "often", "in between"],
)
async def test_the_sign_up_whose_link_is_followed_becomes_the_account(victim: Victim, before: Sequence[str]) -> None:
    earlier = []
    for password in before:
        await victim.signed_up(password, "Mallory")
        earlier.append(await victim.link())
    await victim.signed_up(THEIR_OWN, "Ada")

    assert [await victim.follow(link) for link in earlier] == [422] * len(earlier)
    assert await victim.follow(await victim.link()) == 200
    assert (await victim.opens(THEIR_OWN), await victim.opens(STRANGERS), await victim.name()) == (True, False, "Ada")


async def test_a_sign_up_after_the_proof_changes_nothing(victim: Victim) -> None:
    await victim.signed_up(THEIR_OWN, "Ada")
    link = await victim.link()
    assert await victim.follow(link) == 200
    await victim.signed_up(STRANGERS, "Mallory")
    assert await victim.link() == link
    assert await victim.follow(link) == 422
    assert (await victim.opens(THEIR_OWN), await victim.opens(STRANGERS), await victim.name()) == (True, False, "Ada")


async def test_a_link_that_is_out_never_stands_for_an_earlier_sign_up(victim: Victim, users: UsersService) -> None:
    """Beyond the bound of mails the next sign-up is not mailed; the links that were are not taken
    for its.
    """
    for _ in range(VERIFICATION_LINKS):
        await victim.signed_up(STRANGERS)
    link = await victim.link()
    await victim.signed_up(THEIR_OWN)
    assert await victim.link() == link
    assert await victim.follow(link) == 422

    users.clock.move(VERIFICATION_WINDOW)
    await victim.signed_up(THEIR_OWN)
    assert await victim.follow(await victim.link()) == 200
    assert (await victim.opens(THEIR_OWN), await victim.opens(STRANGERS)) == (True, False)


async def test_a_password_that_was_set_by_mail_outlives_every_link_of_a_sign_up(
    victim: Victim, users: UsersService
) -> None:
    await victim.signed_up(STRANGERS)
    strangers_link, user_id = await victim.link(), await victim.user_id()
    tenant_id = victim.tenant_id
    await users.forget_password(tenant_id, EMAIL)
    reset = await users.mailed_token(tenant_id, user_id, "user.password_reset_requested")
    assert (await users.reset_password(reset, THEIR_OWN)).status_code == 204
    assert await victim.follow(strangers_link) == 422
    assert (await victim.opens(THEIR_OWN), await victim.opens(STRANGERS)) == (True, False)


async def test_a_proof_ends_a_reset_link_that_somebody_asked_for_before(victim: Victim, users: UsersService) -> None:
    await victim.signed_up(STRANGERS)
    tenant_id, user_id = victim.tenant_id, await victim.user_id()
    await users.forget_password(tenant_id, EMAIL)
    reset = await users.mailed_token(tenant_id, user_id, "user.password_reset_requested")
    await victim.signed_up(THEIR_OWN)
    assert await victim.follow(await victim.link()) == 200
    assert (await users.reset_password(reset, STRANGERS)).status_code == 422


async def test_an_owners_password_is_replaced_by_no_sign_up(users: UsersService) -> None:
    """An owner signs in before the address is proved, so that the account is theirs already."""
    owner = await users.open_tenant()
    users.clock.move(VERIFICATION_WINDOW)
    body = {
        "tenant_id": str(owner.tenant_id),
        "email": owner.email,
        "password": STRANGERS,
        "display_name": "Mallory",
    }
    assert (await users.http.post("/signup", json=body)).status_code == 201
    link = await users.mailed_token(owner.tenant_id, owner.user_id)
    assert (await users.http.post("/verify", json={"token": link})).json()["display_name"] == "Grace Hopper"
    opened = [(await users.log_in(owner.tenant_id, owner.email, each)).status_code for each in (PASSWORD, STRANGERS)]
    assert opened == [200, 401]
    assert (await users.refresh(owner.tokens)).status_code == 200


async def test_of_sign_ups_at_once_one_link_works_and_it_opens_with_its_own_password(victim: Victim) -> None:
    passwords = [f"password number {each}" for each in range(VERIFICATION_LINKS)]
    await asyncio.gather(*(victim.signed_up(each) for each in passwords))
    assert await victim.follow(await victim.link()) == 200
    assert sum([await victim.opens(each) for each in passwords]) == 1


async def test_what_a_sign_up_typed_goes_with_its_link(victim: Victim, users: UsersService) -> None:
    await victim.signed_up(STRANGERS)
    tenant_id = victim.tenant_id
    users.clock.move(timedelta(seconds=1))
    assert await victim.follow(await victim.link()) == 200
    assert await users.rows(tenant_id, "select 1 from verification_tokens where display_name is not null") == []
