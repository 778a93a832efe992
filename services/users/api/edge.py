"""Where time, ids and secrets come from, for commands that need them."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.users.api.models import Owner
from services.users.commands import Newcomer
from services.users.domain import OpaqueToken
from services.users.domain.tokens import SECRET_BYTES
from services.users.ports import Resources
from shared.engine.bus import Bus
from shared.kernel.ids import TenantId, new_id

VERIFICATION_LIFETIME = timedelta(days=2)


class Edge:
    """One request's way into the service."""

    def __init__(self, request: Request) -> None:
        self.bus: Bus = request.app.state.bus
        self.resources: Resources = request.app.state.resources
        self.now: datetime = request.app.state.clock.now()

    async def newcomer(self, tenant_id: TenantId, person: Owner) -> Newcomer:
        """Raises Unavailable when too many passwords wait to be hashed."""
        token = fresh_token(tenant_id)
        return Newcomer(
            user_id=new_id(),
            email=person.email,
            display_name=person.display_name,
            locale=person.locale,
            password_hash=await self.resources.passwords.hash(person.password),
            verification=self.resources.sealer.seal(token, self.now + VERIFICATION_LIFETIME),
        )


def fresh_token(tenant_id: TenantId) -> OpaqueToken:
    return OpaqueToken.of(tenant_id, secrets.token_bytes(SECRET_BYTES))


Here = Annotated[Edge, Depends()]
