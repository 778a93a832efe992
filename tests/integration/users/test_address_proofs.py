"""Every proof of an address ends every credential, link and session that was set before by a person
who had not proved it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert

from services.users.adapters.one_time_tokens import fresh_token
from services.users.tables import refresh_tokens
from tests.integration.users.invited import Company, company, signed_up
from tests.integration.users.service import UsersService
from waypost.kernel.ids import TenantId, new_id

EMAIL = "victim@example.com"
ATTACKERS, VICTIMS = "the attacker's password", "the victim's own password"


@dataclass(frozen=True, slots=True)
class Scene:
    """A sign-up by an attacker with the victim's address; the victim reads the mails."""

    there: Company
    user_id: UUID
    first_link: str
    session: str
    """A refresh token of the account, from before the proof."""
    reset_link: str
    invitation: str

    async def last_link(self) -> str:
        return await self.there.users.mailed_token(self.there.tenant_id, self.user_id)

    async def verify(self, link: str, password: str) -> int:
        return (await self.there.users.verify(link, password)).status_code


async def by_verification(scene: Scene) -> None:
    await signed_up(scene.there.users, scene.there.tenant_id, EMAIL, VICTIMS)
    assert await scene.verify(await scene.last_link(), VICTIMS) == 200


async def by_new_password(scene: Scene) -> None:
    """The victim did not sign up, and follows the link that the attacker requested."""
    body = {"token": await scene.last_link(), "new_password": VICTIMS}
    assert (await scene.there.users.http.post("/verify", json=body)).status_code == 200


async def by_reset(scene: Scene) -> None:
    assert (await scene.there.users.reset_password(scene.reset_link, VICTIMS)).status_code == 204


async def by_invitation(scene: Scene) -> None:
    accepted = await scene.there.accept(scene.invitation, VICTIMS, "Ada")
    assert (accepted.status_code, accepted.json()["id"]) == (201, str(scene.user_id))
    assert (accepted.json()["display_name"], accepted.json()["role"]) == ("Ada", "admin")


async def password(scene: Scene) -> bool:
    return await scene.there.password_opens(EMAIL, ATTACKERS)


async def session(scene: Scene) -> bool:
    return (await scene.there.users.refresh({"refresh_token": scene.session})).status_code == 200


async def first_link(scene: Scene) -> bool:
    return await scene.verify(scene.first_link, ATTACKERS) == 200


async def last_link(scene: Scene) -> bool:
    return await scene.verify(await scene.last_link(), ATTACKERS) == 200


async def reset_link(scene: Scene) -> bool:
    return (await scene.there.users.reset_password(scene.reset_link, ATTACKERS)).status_code == 204


async def invitation(scene: Scene) -> bool:
    return (await scene.there.accept(scene.invitation, ATTACKERS)).status_code == 201


@pytest.fixture
async def scene(users: UsersService) -> Scene:
    there = await company(users, "open")
    user_id = UUID((await signed_up(users, there.tenant_id, EMAIL, ATTACKERS)).json()["id"])
    first = await users.mailed_token(there.tenant_id, user_id)
    await signed_up(users, there.tenant_id, EMAIL, ATTACKERS)
    await users.forget_password(there.tenant_id, EMAIL)
    token = fresh_token(TenantId(there.tenant_id))
    async with users.unit_of_work(there.tenant_id) as uow:
        row = {
            "tenant_id": there.tenant_id,
            "token_hash": token.digest,
            "session_id": new_id(),
            "user_id": user_id,
            "expires_at": users.clock.now() + timedelta(days=1),
        }
        await uow.rows.execute(insert(refresh_tokens).values(row))
    return Scene(
        there=there,
        user_id=user_id,
        first_link=first,
        session=token.text,
        reset_link=await users.mailed_token(there.tenant_id, user_id, "user.password_reset_requested"),
        invitation=await there.link(await there.invited(EMAIL, role="admin")),
    )


@pytest.mark.parametrize(
    "proof", [by_verification, by_new_password, by_reset, by_invitation], ids=lambda proof: proof.__name__
)
@pytest.mark.parametrize(
    "works", [password, session, first_link, last_link, reset_link, invitation], ids=lambda works: works.__name__
)
async def test_a_proof_ends_what_was_set_before(
    scene: Scene, proof: Callable[[Scene], Awaitable[None]], works: Callable[[Scene], Awaitable[bool]]
) -> None:
    await proof(scene)
    assert not await works(scene)
    assert await scene.there.password_opens(EMAIL, VICTIMS)


async def test_a_later_sign_up_changes_nothing(scene: Scene) -> None:
    await by_invitation(scene)
    before = await scene.there.users.row_counts(scene.there.tenant_id)
    await signed_up(scene.there.users, scene.there.tenant_id, EMAIL, ATTACKERS)
    assert await scene.there.users.row_counts(scene.there.tenant_id) == before
    assert await scene.there.password_opens(EMAIL, VICTIMS)
