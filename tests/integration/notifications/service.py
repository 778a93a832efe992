"""The notifications service under test: events come in by its handlers, mails go out by its own job worker."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from nacl.public import PublicKey, SealedBox
from sqlalchemy import text

from infra.postgres.databases import ServiceDatabase
from infra.stack.keys import Keys
from schemas.users import TenantCreated, UserCreated, UserVerificationRequested
from services.notifications.app import SERVICE
from services.notifications.ports import MailResources
from services.notifications.projections import INVOICE_STANDING, RECIPIENT_DIRECTORY, TENANT_DIRECTORY
from tests.fixtures.eventually import eventually
from tests.fixtures.jobs import Bell, MovableClock
from tests.integration.infra.inbox import Inbox
from waypost.engine.bus import Bus
from waypost.engine.projections import project
from waypost.jobs.declaration import JobRegistry
from waypost.jobs.queue import PostgresJobQueue
from waypost.jobs.schedule import Scheduler
from waypost.jobs.tenant_directory import open_tenants
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.kernel.cause import current_cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import bound_tenants
from waypost.ports.consumers import Reactor
from waypost.postgres.database import Database
from waypost.postgres.unit_of_work import PostgresUnitsOfWork, WritePath

E = TypeVar("E", bound=Event)

(NOTICES,) = (each for each in SERVICE.consumers if isinstance(each, Reactor))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user, as the users service would tell of them."""

    tenant_id: UUID = field(default_factory=uuid4)
    user_id: UUID = field(default_factory=uuid4)
    email: str = field(default_factory=lambda: f"person.{uuid4().hex[:12]}@example.com")

    def envelope(self, event: E, version: int = 1) -> Envelope[E]:
        return Envelope(
            event=event,
            event_id=EventId(new_id()),
            tenant_id=TenantId(self.tenant_id),
            aggregate_id=self.user_id,
            aggregate_version=version,
            occurred_at=datetime.fromisoformat("2026-11-25T12:00:00+00:00"),
            source="/services/users",
            cause=current_cause(),
        )

    def created(self, at: datetime) -> Envelope[UserCreated]:
        return self.envelope(
            UserCreated(
                tenant_id=self.tenant_id,
                user_id=self.user_id,
                email=self.email,
                display_name="Ada Lovelace",
                role="member",
                locale="en",
                created_at=at,
            )
        )


class NotificationsService:
    def __init__(self, where: ServiceDatabase, inbox: Inbox, keys: Keys) -> None:
        self.where = where
        self.inbox = inbox
        self.clock = MovableClock()
        self.wakeup = Bell()
        self.registry = JobRegistry(SERVICE.jobs)
        self.database = Database(
            where.app, application_name="notifications tests", pool_size=5, schemas=SERVICE.schemas
        )
        self.bus = Bus(
            PostgresUnitsOfWork(self.database, self._write_path()), SERVICE.commands, authorize=SERVICE.authorize
        )
        self._keys = keys

    async def know(self, person: Person) -> Envelope[UserCreated]:
        """Lets both directories hear of somebody."""
        now = self.clock.now()
        tenant = TenantCreated(tenant_id=person.tenant_id, name="Analytical Engines", created_at=now)
        created = person.created(now)
        async with self.database.transaction([TenantId(person.tenant_id)]) as connection:
            await project([person.envelope(tenant)], TENANT_DIRECTORY.handlers, connection)
            await project([created], RECIPIENT_DIRECTORY.handlers, connection)
        return created

    async def project(self, *happened: Envelope[Event]) -> None:
        async with self.database.transaction({each.tenant_id for each in happened}) as connection:
            for projector in (RECIPIENT_DIRECTORY, INVOICE_STANDING):
                await project(happened, projector.handlers, connection)

    async def react(self, happened: Envelope[Event]) -> None:
        with bound_tenants([happened.tenant_id]):
            async with self.bus.units.begin() as uow:
                await NOTICES.handlers[type(happened.event)](happened, uow)

    def verification(
        self, person: Person, token: str, lifetime: timedelta, version: int = 2
    ) -> Envelope[UserVerificationRequested]:
        """Sealed to this service, as the users service seals."""
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

    async def rows(self, person: Person, query: str, **values: object) -> Sequence[Mapping[str, Any]]:
        async with self.database.transaction([TenantId(person.tenant_id)]) as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def statuses(self, person: Person) -> Sequence[tuple[str, str, str | None]]:
        """Kind, status and reason of each letter, in the order of their kinds."""
        found = await self.rows(person, "select kind, status, reason from notifications order by kind, queued_at")
        return [(row["kind"], row["status"], row["reason"]) for row in found]

    async def work_off(self, person: Person) -> None:
        """Runs the job worker until nothing of this tenant waits."""

        async def idle() -> bool:
            return not await self.rows(person, "select 1 from jobs")

        async with self.working():
            await eventually(idle, deadline_seconds=20)

    def scheduler(self) -> Scheduler:
        return Scheduler(
            self.database, SERVICE.schedule, self.registry, open_tenants, clock=self.clock, doorbell=self.wakeup
        )

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = JobWorker(
            self.database,
            self.bus.units,
            self.registry,
            clock=self.clock,
            wakeup=self.wakeup.wakeup,
            resources=self._mail_resources,
            settings=JobWorkerSettings(poll_seconds=0.1),
        )
        await worker.start()
        try:
            yield
        finally:
            await worker.stop()

    @asynccontextmanager
    async def _mail_resources(self) -> AsyncIterator[MailResources]:
        async with SERVICE.job_resources() as office:
            yield replace(office, clock=self.clock)

    async def mails(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """All that the inbox holds for them, oldest first, in full."""
        found = (await self.inbox.find(to=person.email))["data"]
        answers: list[httpx.Response] = [
            await self.inbox.http.get(f"/api/messages/{each['id']}") for each in reversed(found)
        ]
        return [answer.json() for answer in answers]

    def _write_path(self) -> WritePath:
        handlers = {kind: handler for each in SERVICE.projections for kind, handler in each.handlers.items()}
        return WritePath(
            service=SERVICE.name,
            codec=SERVICE.codec,
            clock=self.clock,
            doorbell=self.wakeup,
            project=lambda envelopes, rows: project(envelopes, handlers, rows),
            open_jobs=lambda connection, unit: PostgresJobQueue(connection, unit, self.registry, self.clock),
        )
