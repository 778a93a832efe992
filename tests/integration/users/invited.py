"""A tenant with invitations and a join policy: requests of its owner and of other people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx

from tests.integration.users.service import PASSWORD, Member, UsersService, unique_address

ACCEPTED_PASSWORD = "the password of the invited person"


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant whose owner has verified the address."""

    users: UsersService
    owner: Member

    @property
    def tenant_id(self) -> UUID:
        return self.owner.tenant_id

    async def allow(self, mode: str, *domains: str) -> None:
        answer = await self.put_policy({"mode": mode, "domains": domains})
        assert answer.status_code == 200, answer.text

    async def put_policy(self, policy: Any, by: Member | None = None, if_match: str = "*") -> httpx.Response:
        sent = {**(by or self.owner).headers, "if-match": if_match}
        return await self.users.http.put("/join-policy", json=policy, headers=sent)

    async def admin(self) -> Member:
        member = await self.member()
        await self.change_role(member, "admin")
        return await self.signed_in_again(member)

    async def member(self, email: str | None = None) -> Member:
        """A member who accepted an invitation, so in any policy."""
        email = email or unique_address()
        accepted = await self.accept(await self.link(await self.invited(email)))
        assert accepted.status_code == 201, accepted.text
        answer = await self.users.log_in(self.tenant_id, email, ACCEPTED_PASSWORD)
        user_id = UUID(accepted.json()["id"])
        return Member(tenant_id=self.tenant_id, user_id=user_id, email=email, tokens=answer.json())

    async def signed_in_again(self, member: Member) -> Member:
        answer = await self.users.log_in(self.tenant_id, member.email, ACCEPTED_PASSWORD)
        return replace(member, tokens=answer.json())

    async def change_role(self, member: Member, role: str) -> None:
        await self.act("POST", f"/users/{member.user_id}/role", {"role": role})

    async def act(self, method: str, path: str, body: Any = None) -> None:
        answer = await self.users.http.request(method, path, json=body, headers=self.owner.headers)
        assert answer.is_success, answer.text

    async def invite(self, email: str, by: Member | None = None, **body: str) -> httpx.Response:
        headers = (by or self.owner).headers
        return await self.users.http.post("/invitations", json={"email": email, **body}, headers=headers)

    async def invited(self, email: str, by: Member | None = None, **body: str) -> UUID:
        answer = await self.invite(email, by, **body)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    async def link(self, invitation_id: UUID) -> str:
        return await self.users.mailed_token(self.tenant_id, invitation_id, "invitation.sent")

    async def accept(self, token: str, password: str = ACCEPTED_PASSWORD, name: str = "Ada Lovelace") -> httpx.Response:
        body = {"token": token, "password": password, "display_name": name}
        return await self.users.http.post("/invitations/accept", json=body)

    async def approve(self, invitation_id: object, by: Member | None = None) -> httpx.Response:
        return await self.users.http.post(f"/invitations/{invitation_id}/approve", headers=(by or self.owner).headers)

    async def revoke(self, invitation_id: object, by: Member | None = None) -> httpx.Response:
        return await self.users.http.delete(f"/invitations/{invitation_id}", headers=(by or self.owner).headers)

    async def listed(self, by: Member | None = None, **query: Any) -> Sequence[Any]:
        answer = await self.users.http.get("/invitations", params=query, headers=(by or self.owner).headers)
        assert answer.status_code == 200, answer.text
        data: Sequence[Any] = answer.json()["data"]
        return data

    async def password_opens(self, email: str, password: str) -> bool:
        return (await self.users.log_in(self.tenant_id, email, password)).status_code == 200


async def company(users: UsersService, mode: str = "closed", *domains: str) -> Company:
    owner = await users.open_tenant(join_policy={"mode": mode, "domains": domains})
    token = await users.mailed_token(owner.tenant_id, owner.user_id)
    assert (await users.verify(token)).status_code == 200
    return Company(users, owner)


async def signed_up(users: UsersService, tenant_id: UUID, email: str, password: str = PASSWORD) -> httpx.Response:
    body = {"tenant_id": str(tenant_id), "email": email, "password": password, "display_name": "Mallory"}
    return await users.http.post("/signup", json=body)
