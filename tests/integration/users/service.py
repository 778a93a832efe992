"""The users service under test, with the actions of a person and of the notifications service."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import httpx
from nacl.public import PrivateKey, SealedBox

from infra.stack.keys import Keys
from schemas.users import (
    InvitationSent,
    UserEmailChangeRequested,
    UserPasswordResetRequested,
    UserVerificationRequested,
)
from services.users.app import SERVICE
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.schemas.application import application_codec
from waypost.testing.clock import MovableClock
from waypost.testing.hosted import HostedService

PASSWORD = "correct horse battery staple"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A registered user with the tokens of a session."""

    tenant_id: UUID
    user_id: UUID
    email: str
    tokens: Mapping[str, Any]

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.tokens['access_token']}"}


class UsersService(HostedService):
    """Its clock is fixed until a test moves it."""

    http: httpx.AsyncClient

    def __init__(self, where: ServiceDatabase, keys: Keys) -> None:
        super().__init__(SERVICE, where, clock=MovableClock(NOON))
        self._keys = keys

    async def open_tenant(
        self, name: str = "Analytical Engines", join_policy: Mapping[str, Any] = MappingProxyType({"mode": "open"})
    ) -> Member:
        """A tenant, and its signed-in owner. Every address may sign up, unless `join_policy` says
        otherwise.
        """
        email = unique_address()
        owner = {"email": email, "password": PASSWORD, "display_name": "Grace Hopper"}
        body = {"name": name, "owner": owner, "join_policy": dict(join_policy)}
        made = (await self.http.post("/tenants", json=body)).json()
        return await self._signed_in(made["tenant_id"], made["owner_id"], email)

    async def verified_tenant(self) -> Member:
        """A tenant, and its signed-in owner with a verified address."""
        owner = await self.open_tenant()
        token = await self.mailed_token(owner.tenant_id, owner.user_id)
        assert (await self.verify(token)).status_code == 200
        return owner

    async def sign_up(self, tenant_id: UUID, email: str | None = None) -> httpx.Response:
        body = {
            "tenant_id": str(tenant_id),
            "email": email or unique_address(),
            "password": PASSWORD,
            "display_name": "Ada Lovelace",
        }
        return await self.http.post("/signup", json=body)

    async def join(self, tenant_id: UUID) -> Member:
        """A member: registered, verified with the mailed token, and signed in."""
        email = unique_address()
        user_id = UUID((await self.sign_up(tenant_id, email)).json()["id"])
        verified = await self.verify(await self.mailed_token(tenant_id, user_id))
        assert verified.status_code == 200, verified.text
        return await self._signed_in(tenant_id, user_id, email)

    async def verify(self, token: str, password: str = PASSWORD) -> httpx.Response:
        """With the password of the sign-up."""
        return await self.http.post("/verify", json={"token": token, "password": password})

    async def confirm_address(self, token: str, password: str = PASSWORD) -> httpx.Response:
        """Confirms a change of address with the link to the new one."""
        return await self.http.post("/email/confirm", json={"token": token, "password": password})

    async def log_in(self, tenant_id: UUID, email: str, password: str = PASSWORD) -> httpx.Response:
        body = {"tenant_id": str(tenant_id), "email": email, "password": password}
        return await self.http.post("/login", json=body)

    async def forget_password(self, tenant_id: UUID, email: str) -> httpx.Response:
        """The response, after the request's job has run."""
        answer = await self.http.post("/password/forgot", json={"tenant_id": str(tenant_id), "email": email})
        await self.run_jobs(tenant_id)
        return answer

    async def reset_password(self, token: str, password: str) -> httpx.Response:
        return await self.http.post("/password/reset", json={"token": token, "password": password})

    async def password_link(self, member: Member) -> str:
        return await self.mailed_token(member.tenant_id, member.user_id, "user.password_reset_requested")

    async def change_password(self, member: Member, current: str, new: str) -> httpx.Response:
        passwords = {"current_password": current, "new_password": new}
        return await self.http.post("/password/change", json=passwords, headers=member.headers)

    async def refresh(self, tokens: Mapping[str, Any]) -> httpx.Response:
        return await self.http.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]})

    async def mailed_token(
        self, tenant_id: UUID, user_id: UUID, kind: str = "user.verification_requested", *, cancels: bool = False
    ) -> str:
        """The token that the notifications service would mail: the newest one of this kind."""
        rows = await self.rows(
            tenant_id,
            "select type, payload from events where aggregate_id = :id and type = :type order by version desc limit 1",
            id=user_id,
            type=kind,
        )
        event = application_codec().decode(rows[0]["type"], rows[0]["payload"])
        assert isinstance(
            event, UserVerificationRequested | UserPasswordResetRequested | InvitationSent | UserEmailChangeRequested
        )
        (key,) = json.loads((self._keys.of("notifications") / "sealing.private.json").read_text())["keys"]
        assert key["key_id"] == event.sealing_key_id
        box = SealedBox(PrivateKey(base64.b64decode(key["private_key"])))
        if cancels:
            assert isinstance(event, UserEmailChangeRequested)
            return box.decrypt(event.sealed_cancel_token).decode()
        return box.decrypt(event.sealed_token).decode()

    async def proof_link(self, member: Member) -> str:
        """The token in the mail to a new address."""
        return await self.mailed_token(member.tenant_id, member.user_id, "user.email_change_requested")

    async def cancel_link(self, member: Member) -> str:
        """The token in the mail to the address that is about to change."""
        return await self.mailed_token(member.tenant_id, member.user_id, "user.email_change_requested", cancels=True)

    async def _signed_in(self, tenant_id: UUID | str, user_id: UUID | str, email: str) -> Member:
        tenant_id, user_id = UUID(str(tenant_id)), UUID(str(user_id))
        answer = await self.log_in(tenant_id, email)
        assert answer.status_code == 200, answer.text
        return Member(tenant_id=tenant_id, user_id=user_id, email=email, tokens=answer.json())


@asynccontextmanager
async def running_users(
    where: ServiceDatabase, keys: Keys, *, rate_limiting: bool = True
) -> AsyncIterator[UsersService]:
    service = UsersService(where, keys)
    service.rate_limiting = rate_limiting
    try:
        async with service.api(raise_errors=False) as service.http:
            yield service
    finally:
        await service.close()


def unique_address() -> str:
    return f"person.{uuid4().hex[:12]}@example.com"
