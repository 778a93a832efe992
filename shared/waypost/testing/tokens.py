"""Bearer tokens of any tenant, role or operator, signed with a key of the test run."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from joserfc.jwk import OKPKey

from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.testing.http import serving
from waypost.web.principal import Operator, Principal
from waypost.web.tokens import sign

SIGNING_KEY = OKPKey.generate_key("Ed25519", {"kid": "test-1", "use": "sig"})


def principal(
    role: Role = Role.MEMBER, *, tenant_id: UUID | None = None, user_id: UUID | None = None, scopes: Sequence[str] = ()
) -> Principal:
    """A user; by default a new user of a new tenant."""
    tenant = TenantId(tenant_id or new_id())
    return Principal(user_id=user_id or new_id(), tenant_id=tenant, role=role, scopes=frozenset(scopes))


def bearer(
    who: Principal, *, age: timedelta = timedelta(0), at: datetime | None = None, key: OKPKey = SIGNING_KEY
) -> dict[str, str]:
    """The header `Authorization` of this user. `at` is the current time of the service, if the test
    moves its clock.
    """
    return {"Authorization": f"Bearer {sign(who.claims(), key, at=(at or datetime.now(UTC)) - age)}"}


def operator_bearer(name: str = "grace", *, at: datetime | None = None) -> Mapping[str, str]:
    """The header `Authorization` of this operator, as `bearer`."""
    token = sign(Operator(name=name).claims(), SIGNING_KEY, at=at or datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def published_keys() -> AsyncIterator[str]:
    """Serves the public key, as the service that signs tokens does, and yields the URL."""
    signer = FastAPI()

    @signer.get("/.well-known/jwks.json")
    async def keys() -> dict[str, Any]:
        return {"keys": [SIGNING_KEY.as_dict(private=False)]}

    async with serving(signer) as url:
        yield f"{url}/.well-known/jwks.json"
