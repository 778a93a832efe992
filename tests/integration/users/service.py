"""The users service under test, and what a person or the notifications service would do with it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from nacl.public import PrivateKey, SealedBox
from sqlalchemy import text

from infra.postgres.databases import ServiceDatabase
from infra.stack.keys import Keys
from schemas.users import UserPasswordResetRequested, UserVerificationRequested
from services.users.app import SERVICE
from services.users.ports import JobResources
from tests.fixtures.database import connected
from tests.fixtures.eventually import eventually
from waypost.engine.bus import Bus
from waypost.engine.projections import project
from waypost.jobs.declaration import JobRegistry
from waypost.jobs.queue import PostgresJobQueue
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.kernel.ids import TenantId
from waypost.postgres.database import Database
from waypost.postgres.idempotency import PostgresIdempotencyKeys
from waypost.postgres.unit_of_work import PostgresUnitsOfWork, WritePath
from waypost.schemas.application import application_codec
from waypost.web.app import create_app
from waypost.web.health import Readiness

PASSWORD = "correct horse battery staple"


class HeldClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def pass_by(self, time: timedelta) -> None:
        self._now += time


class QuietDoorbell:
    """Nobody listens here: no relay runs beside these tests."""

    def ring(self, channel: str) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who has signed up, and may have signed in."""

    tenant_id: UUID
    user_id: UUID
    email: str
    tokens: Mapping[str, Any]

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.tokens['access_token']}"}


class UsersService:
    def __init__(
        self,
        app: FastAPI,
        http: httpx.AsyncClient,
        where: ServiceDatabase,
        database: Database,
        bus: Bus,
        clock: HeldClock,
        keys: Keys,
    ) -> None:
        self.app = app
        self.http = http
        self.where = where
        self.database = database
        self.bus = bus
        self.clock = clock
        self._keys = keys

    async def open_tenant(self, name: str = "Analytical Engines") -> Member:
        """A tenant, and its owner signed in."""
        email = unique_address()
        owner = {"email": email, "password": PASSWORD, "display_name": "Grace Hopper"}
        made = (await self.http.post("/tenants", json={"name": name, "owner": owner})).json()
        return await self._signed_in(made["tenant_id"], made["user_id"], email)

    async def sign_up(self, tenant_id: UUID, email: str | None = None) -> httpx.Response:
        body = {
            "tenant_id": str(tenant_id),
            "email": email or unique_address(),
            "password": PASSWORD,
            "display_name": "Ada Lovelace",
        }
        return await self.http.post("/signup", json=body)

    async def join(self, tenant_id: UUID) -> Member:
        """A member: signed up, verified with the token that only a mail shows, signed in."""
        email = unique_address()
        user_id = UUID((await self.sign_up(tenant_id, email)).json()["id"])
        verified = await self.http.post("/verify", json={"token": await self.mailed_token(tenant_id, user_id)})
        assert verified.status_code == 200, verified.text
        return await self._signed_in(tenant_id, user_id, email)

    async def log_in(self, tenant_id: UUID, email: str, password: str = PASSWORD) -> httpx.Response:
        body = {"tenant_id": str(tenant_id), "email": email, "password": password}
        return await self.http.post("/login", json=body)

    async def forget_password(self, tenant_id: UUID, email: str) -> httpx.Response:
        """The answer, after the job that it leaves has run."""
        answer = await self.http.post("/password/forgot", json={"tenant_id": str(tenant_id), "email": email})
        await self.work_off(tenant_id)
        return answer

    async def reset_password(self, token: str, password: str) -> httpx.Response:
        return await self.http.post("/password/reset", json={"token": token, "password": password})

    async def refresh(self, tokens: Mapping[str, Any]) -> httpx.Response:
        return await self.http.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]})

    async def mailed_token(self, tenant_id: UUID, user_id: UUID, kind: str = "user.verification_requested") -> str:
        """What the notifications service would mail: the newest token of this kind that was sealed to it."""
        rows = await self.rows(
            tenant_id,
            "select type, payload from events where aggregate_id = :id and type = :type order by version desc limit 1",
            id=user_id,
            type=kind,
        )
        event = application_codec().decode(rows[0]["type"], rows[0]["payload"])
        assert isinstance(event, UserVerificationRequested | UserPasswordResetRequested)
        (key,) = json.loads((self._keys.of("notifications") / "sealing.private.json").read_text())["keys"]
        assert key["key_id"] == event.sealing_key_id
        return SealedBox(PrivateKey(base64.b64decode(key["private_key"]))).decrypt(event.sealed_token).decode()

    async def rows(self, tenant_id: UUID, query: str, **values: object) -> Sequence[Mapping[str, Any]]:
        """What the tables hold for one tenant."""
        async with self.database.transaction([TenantId(tenant_id)]) as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def stored(self, tenant_id: UUID) -> Mapping[str, int]:
        """How many rows each table holds for the tenant; the outbox as the relay sees it, which alone may."""
        counts = {}
        for table in (
            "events",
            "users",
            "credentials",
            "verification_tokens",
            "password_reset_tokens",
            "refresh_tokens",
            "idempotency_keys",
            "jobs",
        ):
            (row,) = await self.rows(tenant_id, f"select count(*) as n from {table} where tenant_id = :t", t=tenant_id)
            counts[table] = row["n"]
        async with connected(self.where.relay) as relay:
            counts["outbox"] = await relay.fetchval("select count(*) from outbox where tenant_id = $1", tenant_id)
        return counts

    async def event_types(self, tenant_id: UUID, aggregate_id: UUID) -> Sequence[str]:
        query = "select type from events where aggregate_id = :id order by version"
        return [row["type"] for row in await self.rows(tenant_id, query, id=aggregate_id)]

    async def work_off(self, tenant_id: UUID) -> None:
        """Runs the job worker until nothing of this tenant waits."""

        async def idle() -> bool:
            return not await self.rows(tenant_id, "select 1 from jobs")

        worker = JobWorker(
            self.database,
            self.bus.units,
            JobRegistry(SERVICE.jobs),
            clock=self.clock,
            wakeup=asyncio.Event(),
            resources=self._job_resources,
            settings=JobWorkerSettings(poll_seconds=0.05),
        )
        await worker.start()
        try:
            await eventually(idle)
        finally:
            await worker.stop()

    @asynccontextmanager
    async def _job_resources(self) -> AsyncIterator[JobResources]:
        async with SERVICE.job_resources() as resources:
            yield replace(resources, clock=self.clock)

    async def _signed_in(self, tenant_id: UUID | str, user_id: UUID | str, email: str) -> Member:
        tenant_id, user_id = UUID(str(tenant_id)), UUID(str(user_id))
        answer = await self.log_in(tenant_id, email)
        assert answer.status_code == 200, answer.text
        return Member(tenant_id=tenant_id, user_id=user_id, email=email, tokens=answer.json())


@asynccontextmanager
async def running_users(where: ServiceDatabase, keys: Keys) -> AsyncIterator[UsersService]:
    clock = HeldClock()
    database = Database(where.app, application_name="users tests", pool_size=5, schemas=SERVICE.schemas)
    bus = Bus(PostgresUnitsOfWork(database, _write_path(clock)), SERVICE.commands, authorize=SERVICE.authorize)
    assert SERVICE.token_keys is not None
    app = create_app(
        SERVICE.name,
        SERVICE.routers,
        bus=bus,
        keys=SERVICE.token_keys,
        answers=PostgresIdempotencyKeys(),
        idempotency_secret=keys.secrets.answers.encode(),
        readiness=Readiness(checks={"postgres": database.verify}),
        resources=SERVICE.api_resources,
        clock=clock,
    )
    try:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://users") as http:
                yield UsersService(app, http, where, database, bus, clock, keys)
    finally:
        await database.close()


def _write_path(clock: HeldClock) -> WritePath:
    handlers = {kind: handler for each in SERVICE.projections for kind, handler in each.handlers.items()}
    registry = JobRegistry(SERVICE.jobs)
    return WritePath(
        service=SERVICE.name,
        codec=SERVICE.codec,
        clock=clock,
        doorbell=QuietDoorbell(),
        project=lambda envelopes, rows: project(envelopes, handlers, rows),
        open_jobs=lambda connection, unit: PostgresJobQueue(connection, unit, registry, clock),
    )


def unique_address() -> str:
    return f"person.{uuid4().hex[:12]}@example.com"
