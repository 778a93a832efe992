"""Users that the system has acknowledged, and their requests."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from infra.stack.addresses import Addresses
from tests.faults.storm.caller import Answer, Caller

PASSWORD = secrets.token_urlsafe(18)
TOKEN_SECONDS = 300
"""Half of an access token's lifetime."""
PATIENCE_SECONDS = 40
LOOK_SECONDS = 0.7


@dataclass(slots=True, kw_only=True)
class Tenant:
    id: str
    owner: str
    token: str = field(default="", repr=False)
    until: float = 0.0
    people: list[str] = field(default_factory=list)
    invoices: list[str] = field(default_factory=list)


class People:
    def __init__(self, at: Addresses, caller: Caller, dice: random.Random) -> None:
        self.at = at
        self.caller = caller
        self.dice = dice
        self.tenants: list[Tenant] = []
        self.has_join_policies = True
        """False if an older release answers: it refuses a policy, and its tenants are closed after
        its upgrade. Then no person signs up.
        """
        self.abandoned: list[str] = []
        """Waits that ended without the result."""

    @property
    def random_tenant(self) -> Tenant:
        return self.dice.choice(self.tenants)

    def address(self, who: str) -> str:
        """A new address."""
        return f"{who}.{self.dice.getrandbits(48):012x}@example.com"

    async def ask(
        self, name: str, tenant: Tenant, path: str, body: Answer | None = None, *, at: str = "", keyed: bool = True
    ) -> Answer | None:
        """An operation of billing, or of the service `at` this URL, as the tenant's owner. None if
        it was not acknowledged.
        """
        token = await self._token(tenant)
        if token is None:
            return None
        url = f"{at or self.at.billing}{path}"
        return await self.caller.ask(name, url, body, tenant=tenant.id, token=token, keyed=keyed)

    async def act(self, verb: str, tenant: Tenant, invoice: str, body: Answer | None = None) -> Answer | None:
        return await self.ask(verb, tenant, f"/invoices/{invoice}/{verb}", body)

    async def see(self, tenant: Tenant, path: str, enough: Callable[[Any], Any]) -> Any:
        """Polls billing until the result satisfies the condition; None if it does not in time."""
        return await self.until(f"GET {path}", lambda: self.look(tenant, path), enough)

    async def see_payment(self, tenant: Tenant, invoice: str, enough: Callable[[Any], Any]) -> Any:
        """`see` of an invoice. The condition may not come in time: the result of a charge may be
        known after minutes, and a concurrent journey may change the customer's card.
        """
        return await until(lambda: self.look(tenant, f"/invoices/{invoice}"), enough)

    async def look(self, tenant: Tenant, path: str, *, at: str = "") -> Any:
        """The response of a GET as the tenant's owner, or None if it is not 200."""
        token = await self._token(tenant)
        return token and await self.caller.look(f"{at or self.at.billing}{path}", token=token)

    async def until(self, what: str, look: Callable[[], Awaitable[Any]], enough: Callable[[Any], Any]) -> Any:
        """Looks until the result satisfies the condition; None if it does not in time."""
        seen = await until(look, enough)
        if seen is None:
            self.abandoned.append(f"{what} did not show the expected result within {PATIENCE_SECONDS} s")
        return seen

    async def _token(self, tenant: Tenant) -> str | None:
        if monotonic() > tenant.until:
            body = {"tenant_id": tenant.id, "email": tenant.owner, "password": PASSWORD}
            tenant.token = await self.caller.sign_in(f"{self.at.users}/login", body) or ""
            tenant.until = monotonic() + TOKEN_SECONDS if tenant.token else 0.0
        return tenant.token or None


async def until(look: Callable[[], Awaitable[Any]], enough: Callable[[Any], Any]) -> Any:
    deadline = monotonic() + PATIENCE_SECONDS
    while monotonic() < deadline:
        seen = await look()
        if seen and enough(seen):
            return seen
        await asyncio.sleep(LOOK_SECONDS)
    return None
