"""Idempotency keys in the business transaction's own database."""

import hashlib
import hmac
import json
from datetime import datetime

import asyncpg

from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import sole_tenant
from waypost.ports.idempotency import Answer, KeyedRequest, KeyReused, KeyTaken, TwinRunning
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.database import Sql

# A lock that is tried, not waited for: a hundred waiting twins would hold a hundred connections.
_LOCK = "select pg_try_advisory_xact_lock($1)"

# A statement of its own after the lock: its snapshot then shows what the last holder committed.
_STORED = "select body_hash, status, headers::text as headers, body from idempotency_keys where tenant_id = $1 and route = $2 and key = $3"

_KEEP = """
insert into idempotency_keys (tenant_id, route, key, body_hash, status, headers, body, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)"""


class PostgresIdempotencyKeys:
    """`waypost.ports.idempotency.IdempotencyKeys`."""

    async def claim(self, request: KeyedRequest, uow: UnitOfWork) -> Answer | None:
        sql = Sql(uow.rows)
        tenant = sole_tenant(uow.tenants)
        if not await sql.fetchval(_LOCK, _lock_of(tenant, request)):
            raise TwinRunning
        stored = await sql.fetchrow(_STORED, tenant, request.route, request.key)
        if stored is None:
            return None
        if not hmac.compare_digest(stored["body_hash"], request.body_hash):
            raise KeyReused
        return Answer(status=stored["status"], headers=json.loads(stored["headers"]), body=stored["body"])

    async def keep(self, request: KeyedRequest, answer: Answer, uow: UnitOfWork, *, at: datetime) -> None:
        row = (
            request.route,
            request.key,
            request.body_hash,
            answer.status,
            json.dumps(dict(answer.headers)),
            answer.body,
        )
        try:
            await Sql(uow.rows).execute(_KEEP, sole_tenant(uow.tenants), *row, at)
        except asyncpg.UniqueViolationError as error:
            raise KeyTaken from error


def _lock_of(tenant: TenantId, request: KeyedRequest) -> int:
    """A 64-bit name; two keys of one name would only see each other's 409."""
    name = f"{tenant} {request.route} {request.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
