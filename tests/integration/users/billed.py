"""Events of billing about one user, as the overview receives them."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from uuid import UUID, uuid4

from schemas.users import UserErased
from services.users.projections import BILLED
from tests.integration.users.service import NOON, Member, UsersService
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.testing.envelopes import envelope_of
from waypost.testing.samples import sample_of

ROWS = "select count(*) as n from billed_invoices union all select count(*) from billed_subscriptions"


class Billed:
    """One invoice or subscription, with its events in order."""

    def __init__(self, member: Member, key: str = "invoice_id") -> None:
        self.id = uuid4()
        self._named = {"tenant_id": member.tenant_id, "customer_id": member.user_id, key: self.id}
        self._version = 0

    def event(self, kind: type[Event], **values: Any) -> Envelope[Any]:
        """The next event: the sample of its type with these values."""
        self._version += 1
        event: Any = sample_of(kind)
        known = {each.name for each in fields(event)}
        given: Mapping[str, Any] = {"currency": "EUR", **values, **self._named}
        changed = replace(event, **{name: value for name, value in given.items() if name in known})
        return envelope_of(changed, self.id, self._version)


async def hear(users: UsersService, *envelopes: Envelope[Any]) -> None:
    """Delivers events to the overview."""
    await users.deliver(*envelopes, to=BILLED.name)


def erasure(member: Member, version: int = 9) -> Envelope[UserErased]:
    event = UserErased(tenant_id=member.tenant_id, user_id=member.user_id, erased_at=NOON)
    return envelope_of(event, member.user_id, version)


async def stored(users: UsersService, tenant_id: UUID) -> list[int]:
    """The number of rows of invoices and of subscriptions."""
    return [row["n"] for row in await users.rows(tenant_id, ROWS)]
