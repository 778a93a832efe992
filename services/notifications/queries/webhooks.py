"""Webhook endpoints, their history, and their log of deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.queries.webhook_tables import (
    webhook_changes,
    webhook_deliveries,
    webhook_endpoints,
    webhook_secrets,
)
from waypost.jobs.tenant_directory import tenant_directory
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId

Position = tuple[datetime, UUID]

_log = webhook_deliveries.c
_LOGGED = (
    *(_log.delivery_id, _log.endpoint_id, _log.event_type, _log.object_id, _log.object_version, _log.status),
    *(_log.attempts, _log.last_status_code, _log.last_failure, _log.last_attempt_at, _log.next_attempt_at),
    *(_log.created_at, _log.settled_at),
)


async def endpoint(rows: AsyncConnection, endpoint_id: UUID) -> Row[Any]:
    """The endpoint. Raises NotFound."""
    found = (
        await rows.execute(select(webhook_endpoints).where(webhook_endpoints.c.endpoint_id == endpoint_id))
    ).one_or_none()
    if found is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}")
    return found


async def endpoints(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """One page, oldest first: ids increase with time."""
    page = select(webhook_endpoints).order_by(webhook_endpoints.c.endpoint_id).limit(limit)
    if after is not None:
        page = page.where(webhook_endpoints.c.endpoint_id > after)
    return (await rows.execute(page)).all()


async def changes(rows: AsyncConnection, endpoint_id: UUID, *, after: int | None, limit: int) -> Sequence[Row[Any]]:
    """One page, oldest first."""
    page = select(webhook_changes).where(webhook_changes.c.endpoint_id == endpoint_id)
    if after is not None:
        page = page.where(webhook_changes.c.version > after)
    return (await rows.execute(page.order_by(webhook_changes.c.version).limit(limit))).all()


async def deliveries(
    rows: AsyncConnection, endpoint_id: UUID, *, status: str | None, before: Position | None, limit: int
) -> Sequence[Row[Any]]:
    """One page, newest first."""
    page = _of_endpoint(endpoint_id).order_by(_log.created_at.desc(), _log.delivery_id.desc())
    if status is not None:
        page = page.where(_log.status == status)
    if before is not None:
        page = page.where(tuple_(_log.created_at, _log.delivery_id) < before)
    found: Sequence[Row[Any]] = (await rows.execute(page.limit(limit))).all()
    return found


async def delivery(rows: AsyncConnection, endpoint_id: UUID, delivery_id: UUID) -> Row[Any]:
    """One delivery, with its body. Raises NotFound."""
    query = _of_endpoint(endpoint_id).add_columns(_log.body).where(_log.delivery_id == delivery_id)
    found = (await rows.execute(query)).one_or_none()
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id} of this endpoint: it may be older than 30 days")
    return found


async def valid_secrets(rows: AsyncConnection, endpoint_id: UUID, at: datetime) -> Sequence[Row[Any]]:
    """The sealed secrets that sign at this time, newest first."""
    columns = webhook_secrets.c
    valid = columns.expires_at.is_(None) | (columns.expires_at > at)
    query = select(webhook_secrets).where(columns.endpoint_id == endpoint_id, valid)
    return (await rows.execute(query.order_by(columns.created_at.desc(), columns.secret_id.desc()))).all()


async def earlier_valid_until(rows: AsyncConnection, endpoint_id: UUID, at: datetime) -> datetime | None:
    """The time at which the last earlier secret ends; None if the current one alone signs."""
    ends = [row.expires_at for row in await valid_secrets(rows, endpoint_id, at) if row.expires_at is not None]
    return max(ends, default=None)


async def tenants_with_endpoints(rows: AsyncConnection) -> Sequence[TenantId]:
    """Tenants with an endpoint or a change, among the bound tenants. The deletion of an endpoint is
    a change, which outlives the deliveries.
    """
    found: set[UUID] = set()
    for table in (webhook_endpoints, webhook_changes):
        found.update((await rows.execute(select(table.c.tenant_id).distinct())).scalars())
    return [TenantId(tenant_id) for tenant_id in sorted(found)]


async def tenants_with_due_deliveries(rows: AsyncConnection) -> Sequence[TenantId]:
    """Tenants with an enabled endpoint to which a delivery is overdue, among the bound tenants."""
    due = (
        select(webhook_deliveries.c.delivery_id)
        .where(
            webhook_deliveries.c.tenant_id == webhook_endpoints.c.tenant_id,
            webhook_deliveries.c.endpoint_id == webhook_endpoints.c.endpoint_id,
            webhook_deliveries.c.status == "pending",
            webhook_deliveries.c.next_attempt_at < func.now(),
        )
        .exists()
    )
    query = select(webhook_endpoints.c.tenant_id).where(webhook_endpoints.c.enabled, due).distinct()
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]


async def is_closed(rows: AsyncConnection, tenant_id: TenantId) -> bool:
    """Whether the tenant was closed."""
    columns = tenant_directory.c
    closed = select(columns.tenant_id).where(columns.tenant_id == tenant_id, columns.status == "closed")
    return (await rows.execute(closed)).one_or_none() is not None


def _of_endpoint(endpoint_id: UUID) -> Select[Any]:
    return select(*_LOGGED).where(_log.endpoint_id == endpoint_id)
