"""Stores idempotency keys in the business transaction."""

import hashlib
import hmac
from datetime import datetime

import orjson

from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import current_tenants, sole_tenant
from waypost.ports.idempotency import KeyedRequest, KeyReused, KeyTaken, RequestInProgress, StoredResponse
from waypost.ports.unit_of_work import Precondition, UnitOfWork
from waypost.postgres.last_writes import LiteralInsert
from waypost.postgres.sql import Sql, last_writes

# Does not wait for the lock: a hundred waiting duplicates would hold a hundred connections.
_CLAIM = "select in_progress, body_hash, status, headers, body from claim_idempotency_key($1, $2, $3, $4)"

_KEEP = LiteralInsert(
    "idempotency_keys", ("tenant_id", "route", "key", "body_hash", "status", "headers", "body", "created_at")
)


class PostgresIdempotencyKeys:
    """`waypost.ports.idempotency.IdempotencyKeys`."""

    def claim_precondition(self, request: KeyedRequest) -> Precondition:
        return Precondition(_CLAIM, _claim_arguments(sole_tenant(current_tenants()), request))

    async def claim(self, request: KeyedRequest, uow: UnitOfWork) -> StoredResponse | None:
        stored = await Sql(uow.rows).fetchrow(_CLAIM, *_claim_arguments(sole_tenant(uow.tenants), request))
        if stored is None:
            return None
        if stored["in_progress"]:
            raise RequestInProgress
        if not hmac.compare_digest(stored["body_hash"], request.body_hash):
            raise KeyReused
        return StoredResponse(status=stored["status"], headers=orjson.loads(stored["headers"]), body=stored["body"])

    async def keep(self, request: KeyedRequest, response: StoredResponse, uow: UnitOfWork, *, at: datetime) -> None:
        row = (
            sole_tenant(uow.tenants),
            request.route,
            request.key,
            request.body_hash,
            response.status,
            orjson.dumps(dict(response.headers)).decode(),
            response.body,
            at,
        )
        last_writes(uow.rows).add(_KEEP.text([row]), {"idempotency_keys_pkey": KeyTaken})


def _claim_arguments(tenant: TenantId, request: KeyedRequest) -> tuple[object, ...]:
    return _lock_of(tenant, request), tenant, request.route, request.key


def _lock_of(tenant: TenantId, request: KeyedRequest) -> int:
    """A 64-bit hash. A collision of two keys only causes an unnecessary 409."""
    name = f"{tenant} {request.route} {request.key}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), signed=True)
