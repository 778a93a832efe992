"""A person uses another person's address, and its owner opens the mailed link. The link alone
proves nothing: the reader gives the password, chooses one, or says that the request was not theirs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.users.commands import VerifyEmail
from services.users.commands.identity import ConfirmEmailChange
from services.users.domain import OpaqueToken, PasswordRefused
from services.users.domain.sign_in_delay import FREE_FAILURES
from tests.integration.users.invited import company, signed_up
from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address

ATTACKERS, VICTIMS = "the attacker's password", "the victim's own password"


@dataclass(frozen=True, slots=True)
class Attack:
    """A link to the victim, for an account whose password is the attacker's."""

    users: UsersService
    owner: Member
    """The tenant's owner; the attacker in a new tenant."""
    user_id: UUID
    victim: str
    path: str
    link: str

    async def follow(self, **proof: str) -> httpx.Response:
        return await self.users.http.post(self.path, json={"token": self.link, **proof})

    async def decline(self) -> httpx.Response:
        path = f"{self.path.removesuffix('/confirm')}/decline"
        return await self.users.http.post(path, json={"token": self.link})

    async def attacker_signs_in(self) -> bool:
        return (await self.users.log_in(self.owner.tenant_id, self.victim, ATTACKERS)).status_code == 200

    async def events(self) -> Any:
        return await self.users.event_types(self.owner.tenant_id, self.user_id)

    async def email(self) -> str:
        """The address of the account."""
        query = "select email from credentials where user_id = :id"
        email: str = (await self.users.rows(self.owner.tenant_id, query, id=self.user_id))[0]["email"]
        return email


async def by_sign_up(users: UsersService) -> Attack:
    owner, victim = await users.open_tenant(), unique_address()
    user_id = UUID((await signed_up(users, owner.tenant_id, victim, ATTACKERS)).json()["id"])
    link = await users.mailed_token(owner.tenant_id, user_id)
    return Attack(users, owner, user_id, victim, "/verify", link)


async def by_new_tenant(users: UsersService) -> Attack:
    victim = unique_address()
    person = {"email": victim, "password": ATTACKERS, "display_name": "Mallory"}
    made = (await users.http.post("/tenants", json={"name": "Engines", "owner": person})).json()
    tenant_id, user_id = UUID(made["tenant_id"]), UUID(made["owner_id"])
    tokens = (await users.log_in(tenant_id, victim, ATTACKERS)).json()
    owner = Member(tenant_id=tenant_id, user_id=user_id, email=victim, tokens=tokens)
    return Attack(users, owner, user_id, victim, "/verify", await users.mailed_token(tenant_id, user_id))


async def by_change_of_address(users: UsersService) -> Attack:
    owner, victim = await users.open_tenant(), unique_address()
    member = await users.join(owner.tenant_id)
    tokens = (await users.change_password(member, PASSWORD, ATTACKERS)).json()
    member = replace(member, tokens=tokens)
    asked = await users.http.post("/email/change", json={"email": victim}, headers=member.headers)
    assert asked.status_code == 202
    return Attack(users, owner, member.user_id, victim, "/email/confirm", await users.proof_link(member))


Way = Callable[[UsersService], Awaitable[Attack]]


@pytest.mark.parametrize("way", [by_sign_up, by_new_tenant, by_change_of_address], ids=lambda way: way.__name__)
async def test_a_link_without_the_password_of_the_account_proves_nothing(users: UsersService, way: Way) -> None:
    attack = await way(users)
    before, email = await attack.events(), await attack.email()
    assert (await attack.follow()).status_code == 422
    refused = await attack.follow(password=VICTIMS)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (403, "password-refused")
    assert (await attack.events(), await attack.email()) == (before, email)
    assert await attack.attacker_signs_in() is (way is by_new_tenant)  # an owner signs in before the proof
    assert (await attack.follow(password=ATTACKERS)).is_success  # a wrong password leaves the link


async def test_the_reader_of_the_mail_chooses_the_password(users: UsersService) -> None:
    attack = await by_sign_up(users)
    easy = await attack.follow(new_password="password1234")
    assert (easy.status_code, easy.json()["type"].rsplit(":", 1)[-1]) == (422, "password-too-common")
    assert (await attack.follow(new_password=VICTIMS)).json()["status"] == "active"
    assert not await attack.attacker_signs_in()
    assert (await users.log_in(attack.owner.tenant_id, attack.victim, VICTIMS)).status_code == 200
    assert [event for event in await attack.events() if event == "user.password_changed"] == ["user.password_changed"]
    assert (await attack.follow(password=VICTIMS)).status_code == 422


async def test_the_link_of_an_owner_does_not_replace_the_password(users: UsersService) -> None:
    """The reader of a mistyped address would get a tenant that others use."""
    attack = await by_new_tenant(users)
    before = await attack.events()
    refused = await attack.follow(new_password=VICTIMS)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "owner-keeps-password")
    assert "/password/forgot" in refused.json()["detail"]
    assert await attack.events() == before
    assert await attack.attacker_signs_in()
    assert (await attack.follow(password=ATTACKERS)).is_success  # the refusal leaves the link


async def test_guesses_at_a_link_are_delayed_and_do_not_keep_its_reader_out(users: UsersService) -> None:
    attack = await by_sign_up(users)
    assert {(await attack.follow(password=VICTIMS)).status_code for _ in range(FREE_FAILURES)} == {403}
    assert (await attack.follow(password=ATTACKERS)).status_code == 403
    assert (await attack.follow(new_password=VICTIMS)).status_code == 200
    assert await users.rows(attack.owner.tenant_id, "select 1 from sign_in_failures") == []


async def test_a_proved_address_ends_the_delay_of_its_sign_ins(users: UsersService) -> None:
    attack = await by_sign_up(users)
    for _ in range(FREE_FAILURES):
        await users.log_in(attack.owner.tenant_id, attack.victim, "a wrong password")
    assert (await attack.follow(password=ATTACKERS)).status_code == 200
    assert await attack.attacker_signs_in()


async def test_a_declined_sign_up_is_erased_and_its_address_is_free(users: UsersService) -> None:
    attack = await by_sign_up(users)
    assert (await attack.decline()).status_code == 204
    assert (await attack.events())[-1] == "user.erased"
    assert (await attack.follow(password=ATTACKERS)).status_code == (await attack.decline()).status_code == 422
    assert not await attack.attacker_signs_in()
    mine = UUID((await signed_up(users, attack.owner.tenant_id, attack.victim, VICTIMS)).json()["id"])
    link = await users.mailed_token(attack.owner.tenant_id, mine)
    assert (await users.verify(link, VICTIMS)).json()["id"] == str(mine)


async def test_a_declined_sign_up_leaves_the_invitation_of_an_admin(users: UsersService) -> None:
    there, victim = await company(users, "open"), unique_address()
    invitation = await there.link(await there.invited(victim))
    user_id = UUID((await signed_up(users, there.tenant_id, victim, ATTACKERS)).json()["id"])
    link = await users.mailed_token(there.tenant_id, user_id)
    assert (await users.http.post("/verify/decline", json={"token": link})).status_code == 204
    assert (await users.event_types(there.tenant_id, user_id))[-1] == "user.erased"
    accepted = await there.accept(invitation, VICTIMS)
    assert (accepted.status_code, accepted.json().get("email")) == (201, victim)


async def test_a_declined_tenant_stays_and_its_address_is_not_proved(users: UsersService) -> None:
    """Other people may have joined it."""
    attack = await by_new_tenant(users)
    assert (await attack.decline()).status_code == 204
    assert (await attack.follow(password=ATTACKERS)).status_code == 422
    assert await attack.attacker_signs_in()
    invited = await users.http.post("/invitations", json={"email": unique_address()}, headers=attack.owner.headers)
    assert (invited.status_code, invited.json()["type"].rsplit(":", 1)[-1]) == (403, "address-not-verified")


async def test_a_declined_change_of_address_can_still_be_cancelled(users: UsersService) -> None:
    """The cancellation also ends the sessions of a thief."""
    attack = await by_change_of_address(users)
    cancel = await users.mailed_token(
        attack.owner.tenant_id, attack.user_id, "user.email_change_requested", cancels=True
    )
    assert (await attack.decline()).status_code == 204
    assert (await attack.follow(password=ATTACKERS)).status_code == 422
    assert (await users.http.post("/email/cancel", json={"token": cancel})).status_code == 204
    assert await attack.email() != attack.victim


@pytest.mark.parametrize("way", [by_sign_up, by_new_tenant, by_change_of_address], ids=lambda way: way.__name__)
async def test_a_password_that_was_replaced_during_its_check_is_refused(users: UsersService, way: Way) -> None:
    """The check takes long, and holds no lock."""
    attack = await way(users)
    token = OpaqueToken.parse(attack.link)
    assert token is not None
    proof: Mapping[str, Any] = {"digest": token.digest, "verified_hash": "another hash", "at": users.clock.now()}
    is_change = way is by_change_of_address
    command: Any = ConfirmEmailChange(**proof) if is_change else VerifyEmail(**proof)
    with pytest.raises(PasswordRefused):
        await users.handle(command, attack.owner.tenant_id)
    assert (await attack.follow(password=ATTACKERS)).is_success
