"""The notifications service under test: events go to its handlers, and its own job worker sends the
mails.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from nacl.public import PublicKey, SealedBox

from infra.stack.keys import Keys
from schemas.users import TenantCreated, UserCreated, UserEmailVerified, UserVerificationRequested
from services.notifications.app import SERVICE
from services.notifications.projections import INVOICE_LINE_LISTS, INVOICE_STATUS, RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from tests.integration.infra.inbox import Inbox
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.consumers import Reactor
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.envelopes import envelope_of
from waypost.testing.hosted import HostedService

E = TypeVar("E", bound=Event)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

(NOTICES,) = (item for item in SERVICE.consumers if isinstance(item, Reactor) and item.name == "notices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user, with the events of the users service."""

    tenant_id: UUID = field(default_factory=uuid4)
    user_id: UUID = field(default_factory=uuid4)
    email: str = field(default_factory=lambda: f"person.{uuid4().hex[:12]}@example.com")
    display_name: str = "Ada Lovelace"
    locale: str = "en"

    def envelope(self, event: E, version: int = 1) -> Envelope[E]:
        return envelope_of(event, self.user_id, version, at=NOON)

    def created(self, at: datetime) -> Envelope[UserCreated]:
        return self.envelope(
            UserCreated(
                tenant_id=self.tenant_id,
                user_id=self.user_id,
                email=self.email,
                display_name=self.display_name,
                role="member",
                locale=self.locale,
                created_at=at,
            )
        )

    def verified(self, at: datetime) -> Envelope[UserEmailVerified]:
        event = UserEmailVerified(tenant_id=self.tenant_id, user_id=self.user_id, email=self.email, verified_at=at)
        return self.envelope(event, 2)


class NotificationsService(HostedService):
    http: httpx.AsyncClient

    def __init__(self, where: ServiceDatabase, inbox: Inbox, keys: Keys) -> None:
        super().__init__(SERVICE, where)
        self.inbox = inbox
        self._keys = keys

    async def know(self, person: Person, *, proved: bool = True) -> Envelope[UserCreated]:
        """Adds the person to both directories, by default with a verified address."""
        now = self.clock.now()
        tenant = TenantCreated(tenant_id=person.tenant_id, name="Analytical Engines", created_at=now)
        created = person.created(now)
        await self.deliver(person.envelope(tenant), to=TENANT_DIRECTORY.name)
        await self.deliver(created, to=RECIPIENT_DIRECTORY.name)
        if proved:
            await self.deliver(person.verified(now), to=RECIPIENT_DIRECTORY.name, repeat=True)
        return created

    async def project(self, *envelopes: Envelope[Event]) -> None:
        for projection in (RECIPIENT_DIRECTORY, INVOICE_STATUS, INVOICE_LINE_LISTS):
            await self.deliver(*envelopes, to=projection.name, repeat=True)

    async def react(self, envelopes: Envelope[Event]) -> None:
        """Delivers without the inbox: only the handlers prevent a second mail."""
        await self.deliver(envelopes, to=NOTICES.name, repeat=True)

    def verification(
        self, person: Person, token: str, lifetime: timedelta, version: int = 2
    ) -> Envelope[UserVerificationRequested]:
        """A verification event, sealed for this service like the users service does."""
        public = json.loads((self._keys.of("users") / "sealing.public.json").read_text())
        box = SealedBox(PublicKey(base64.b64decode(public["public_key"])))
        now = self.clock.now()
        event = UserVerificationRequested(
            tenant_id=person.tenant_id,
            user_id=person.user_id,
            email=person.email,
            locale="en",
            sealing_key_id=public["key_id"],
            sealed_token=box.encrypt(token.encode()),
            expires_at=now + lifetime,
            requested_at=now,
        )
        return person.envelope(event, version)

    async def statuses(self, person: Person) -> Sequence[tuple[str, str, str | None]]:
        """Kind, status and reason of each notification, ordered by kind."""
        rows = await self.rows(
            person.tenant_id, "select kind, status, reason from notifications order by kind, queued_at"
        )
        return [(row["kind"], row["status"], row["reason"]) for row in rows]

    async def mails(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """All mails in the person's inbox, oldest first, in full."""
        rows = (await self.inbox.find(to=person.email))["data"]
        answers: list[httpx.Response] = [
            await self.inbox.http.get(f"/api/messages/{item['id']}") for item in reversed(rows)
        ]
        return [answer.json() for answer in answers]
