"""FastAPI and asyncpg alone, for B1: a POST that inserts two rows in one transaction.

    python -m bench.peers.bare_api DSN PORT

No authentication, no tenants, no idempotency, no events.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

POOL_SIZE = 20

TABLES = """
create schema bare;
create table bare.invoices (id uuid primary key, customer_id uuid not null, currency text not null);
create table bare.messages (id bigint generated always as identity primary key, invoice_id uuid not null, payload bytea not null)"""


class NewInvoice(BaseModel):
    customer_id: UUID
    currency: str


def app_of(dsn: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=POOL_SIZE, max_size=POOL_SIZE) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/invoices", status_code=201)
    async def create_invoice(body: NewInvoice, request: Request) -> dict[str, Any]:
        invoice_id = uuid4()
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "insert into bare.invoices (id, customer_id, currency) values ($1, $2, $3)",
                *(invoice_id, body.customer_id, body.currency),
            )
            await connection.execute(
                "insert into bare.messages (invoice_id, payload) values ($1, $2)", invoice_id, body.currency.encode()
            )
        return {"id": str(invoice_id)}

    return app


if __name__ == "__main__":
    uvicorn.run(app_of(sys.argv[1]), port=int(sys.argv[2]), loop="uvloop", http="httptools", access_log=False)
