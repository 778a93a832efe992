"""The context of a route: the clock, ids and secrets for commands."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends

from services.users.adapters.one_time_tokens import fresh_token
from services.users.api.models import Owner
from services.users.commands import Registration
from services.users.ports import Resources
from waypost.kernel.ids import TenantId, new_id
from waypost.web.request import Edge

VERIFICATION_LIFETIME = timedelta(days=2)


class UsersEdge(Edge[Resources]):
    async def registration(self, tenant_id: TenantId, person: Owner) -> Registration:
        """Hashes the password and seals a verification token. Raises Unavailable when too many
        passwords wait to be hashed.
        """
        token = fresh_token(tenant_id)
        return Registration(
            user_id=new_id(),
            email=person.email,
            display_name=person.display_name,
            locale=person.locale,
            password_hash=await self.resources.passwords.hash(person.password),
            verification=self.resources.sealer.seal(token, self.now + VERIFICATION_LIFETIME),
        )


Context = Annotated[UsersEdge, Depends()]
