"""A small service on a real database: an order is a row, so that every effect can be counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
from fastapi import APIRouter
from sqlalchemy import text
from starlette.responses import Response

from tests.fixtures.web import api
from waypost.hosting.runtime import build_runtime
from waypost.hosting.service import Service
from waypost.kernel.actor import Actor
from waypost.kernel.command import Command
from waypost.kernel.errors import Conflict
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.unit_of_work import Precondition, UnitOfWork
from waypost.postgres.database import Database
from waypost.postgres.migrate import migrate_toolkit
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.postgres.tenancy import protect
from waypost.testing.http import client_of
from waypost.testing.tokens import bearer, principal
from waypost.web.auth import Caller
from waypost.web.idempotency import Executor
from waypost.web.models import RequestModel, ResponseModel
from waypost.web.principal import Principal
from waypost.web.responses import created

POOL_SIZE = 5


async def migrate(database: ServiceDatabase) -> None:
    await migrate_toolkit("demo", database.owner)
    connection = await asyncpg.connect(database.owner)
    try:
        await connection.execute(
            "create table orders (tenant_id uuid not null, id uuid primary key, item text not null)"
        )
        for statement in (*protect("orders"), "grant select, insert on orders to demo_app"):
            await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    order_id: UUID
    item: str


class NewOrder(RequestModel):
    item: str


class OrderView(ResponseModel):
    id: UUID


class SoldOut(Conflict):
    """Nothing is left."""


class Desk:
    """The command's handler, which a test can hold, or make fail."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.failures: list[Exception] = []
        self.before_commit: Callable[[UnitOfWork], Awaitable[None]] | None = None
        self.handled = 0
        self.is_revoked = False
        self.authorized = 0
        self.patience_seconds: int | None = None
        """How long the transaction may do nothing, if longer than the limits of its role."""

    def authorize(self, actor: Actor) -> Precondition:
        self.authorized += 1
        return Precondition("select where $1", (self.is_revoked,))

    async def place(self, command: PlaceOrder, uow: UnitOfWork) -> UUID:
        self.handled += 1
        (tenant,) = uow.tenants
        row = {"tenant": tenant, "id": command.order_id, "item": command.item}
        await uow.rows.execute(text("insert into orders values (:tenant, :id, :item)"), row)
        if self.patience_seconds is not None:
            for limit in ("idle_in_transaction_session_timeout", "transaction_timeout"):
                await uow.rows.execute(text(f"set local {limit} = '{self.patience_seconds}s'"))
        self.entered.set()
        await self.go_on.wait()
        if self.failures:
            raise self.failures.pop()
        if self.before_commit is not None:
            await self.before_commit(uow)
        return command.order_id


routes = APIRouter()


@routes.post("/orders", status_code=201)
async def place_order(body: NewOrder, caller: Caller, execute: Executor) -> Response:
    command = PlaceOrder(order_id=new_id(), item=body.item)
    return await execute(command, lambda id_: created(OrderView(id=id_), f"/orders/{id_}", version=1))


@routes.post("/shops/{shop}/orders", status_code=201)
async def place_order_in(shop: str, body: NewOrder, caller: Caller, execute: Executor) -> Response:
    return await place_order(body, caller, execute)


@dataclass(frozen=True, slots=True)
class Shop:
    desk: Desk
    client: httpx.AsyncClient
    database: Database
    caller: Principal

    async def order(
        self, key: str, item: str = "tea", *, path: str = "/orders", caller: Principal | None = None
    ) -> httpx.Response:
        headers = bearer(caller or self.caller) | {"Idempotency-Key": key}
        return await self.client.post(path, json={"item": item}, headers=headers)

    async def count(self, table: str = "orders", *, tenant: TenantId | None = None) -> int:
        async with self.database.transaction([tenant or self.caller.tenant_id]) as rows:
            counted: int = (await rows.execute(text(f"select count(*) from {table}"))).scalar_one()
            return counted


@asynccontextmanager
async def shop_on(where: ServiceDatabase) -> AsyncIterator[Shop]:
    desk = Desk()
    service = Service(
        name="demo", commands={PlaceOrder: desk.place}, projections=[], consumers=[], authorize=desk.authorize
    )
    runtime = build_runtime(service, "api", dsn=where.app, pool_size=POOL_SIZE)
    try:
        async with client_of(api(routes, bus=runtime.bus)) as client:
            yield Shop(desk, client, runtime.database, principal())
    finally:
        await runtime.database.close()
