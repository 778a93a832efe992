"""Deletes old rows of webhooks, and renews the seals of secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, delete, select, update

from services.notifications.domain.webhook_schedule import RETENTION
from services.notifications.handlers.webhook_heads import wake
from services.notifications.queries.webhook_tables import (
    webhook_changes,
    webhook_deliveries,
    webhook_secrets,
)
from waypost.ports.unit_of_work import UnitOfWork

CHANGES_KEPT = timedelta(days=365)


async def prune(at: datetime, limit: int, uow: UnitOfWork) -> int:
    """Deletes up to `limit` expired rows of each table; returns their number.

    Deliveries that still wait expire too: those of an endpoint that is disabled for longer.
    """
    deleted = await _delete_expired_deliveries(at, limit, uow)
    deleted += await _delete(webhook_deliveries, _is_orphan(webhook_deliveries), limit, uow)
    deleted += await _delete(webhook_changes, webhook_changes.c.changed_at < at - CHANGES_KEPT, limit, uow)
    return deleted + await _delete(webhook_secrets, webhook_secrets.c.expires_at < at, limit, uow)


async def _delete_expired_deliveries(at: datetime, limit: int, uow: UnitOfWork) -> int:
    """Makes the deliveries due that waited for a deleted one."""
    columns = webhook_deliveries.c
    some = select(columns.delivery_id).where(columns.created_at < at - RETENTION).limit(limit)
    deleted = delete(webhook_deliveries).where(columns.delivery_id.in_(some))
    rows = (await uow.rows.execute(deleted.returning(columns.endpoint_id, columns.object_id, columns.status))).all()
    waited: dict[UUID, set[UUID]] = {}
    for row in rows:
        if row.status == "pending":
            waited.setdefault(row.endpoint_id, set()).add(row.object_id)
    for endpoint_id, object_ids in waited.items():
        await wake(endpoint_id, object_ids, at, uow)
    return len(rows)


async def seals_to_renew(key_id: str, uow: UnitOfWork) -> Sequence[Row[Any]]:
    """The secrets that are sealed with another key, locked."""
    query = select(webhook_secrets).where(webhook_secrets.c.sealing_key_id != key_id).with_for_update()
    return (await uow.rows.execute(query)).all()


async def store_seal(secret: Row[Any], key_id: str, sealed: bytes, uow: UnitOfWork) -> None:
    of_secret = webhook_secrets.c.secret_id == secret.secret_id
    await uow.rows.execute(update(webhook_secrets).where(of_secret).values(sealing_key_id=key_id, sealed=sealed))


def _is_orphan(table: Table) -> ColumnElement[bool]:
    """Whether the endpoint of the row was deleted. The history of endpoints outlives deliveries."""
    deleted = select(webhook_changes.c.endpoint_id).where(webhook_changes.c.change == "deleted")
    return table.c.endpoint_id.in_(deleted)


async def _delete(table: Table, expired: ColumnElement[bool], limit: int, uow: UnitOfWork) -> int:
    keys = list(table.primary_key.columns)
    some = select(*keys).where(expired).limit(limit).subquery()
    matches = [key == some.c[key.name] for key in keys]
    deleted: int = (await uow.rows.execute(delete(table).where(*matches))).rowcount
    return deleted
