"""Which deliveries of an endpoint may be sent: the earliest pending version of each object.

Each statement reads a bounded number of due rows, and the versions of their objects with one query.
A query per row, or a join that the planner may run per row, would exceed the limit of a statement
while the statistics of the table are old.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, any_, func, literal, select, update
from sqlalchemy.sql import ColumnElement

from services.notifications.domain.webhook_schedule import MAX_FAILURES
from services.notifications.queries.webhook_tables import webhook_deliveries
from waypost.ports.unit_of_work import UnitOfWork

PART = 500
"""Due deliveries that a claim reads at a time."""
SET_BACK = timedelta(hours=1)

_columns = webhook_deliveries.c
_ORDER = (*(_columns.delivery_id, _columns.object_id, _columns.object_version), _columns.failures)
_SENT = (
    *(_columns.delivery_id, _columns.endpoint_id, _columns.object_id, _columns.object_version),
    *(_columns.event_type, _columns.body, _columns.attempts, _columns.failures),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePart:
    """The result of reading one part of the due deliveries."""

    heads: Sequence[Row[Any]]
    is_last: bool
    """Whether no further delivery was due."""


async def due_part(endpoint_id: UUID, at: datetime, limit: int, uow: UnitOfWork) -> DuePart:
    """Up to `limit` deliveries that may be sent, out of the next part of the due ones; without
    any, what waits is set back, and the caller commits and reads the next part.

    A delivery that waits for an earlier version is set back for an hour, so that no claim reads it
    again: the end of the earlier one makes it due. One whose last attempt ended with its process is
    given up.
    """
    due = select(*_ORDER).where(*pending_at(endpoint_id), _columns.next_attempt_at <= at)
    part = due.order_by(_columns.next_attempt_at, _columns.object_version).limit(PART)
    rows = (await uow.rows.execute(part)).all()
    if not rows:
        return DuePart(heads=(), is_last=True)
    first = await _first_versions(endpoint_id, {row.object_id for row in rows}, uow)
    possible = [row for row in rows if row.object_version <= first.get(row.object_id, row.object_version)]
    waiting = [row.delivery_id for row in rows if row.object_version > first.get(row.object_id, row.object_version)]
    exhausted = [row for row in possible if row.failures >= MAX_FAILURES]
    heads = [row.delivery_id for row in possible if row.failures < MAX_FAILURES][:limit]
    if waiting:
        await _set(waiting, uow, next_attempt_at=at + SET_BACK)
    if exhausted:
        await _set([row.delivery_id for row in exhausted], uow, status="failed", settled_at=at, next_attempt_at=None)
        await wake(endpoint_id, {row.object_id for row in exhausted}, at, uow)
    return DuePart(heads=await _read(heads, uow), is_last=False)


async def wake(endpoint_id: UUID, object_ids: Collection[UUID], at: datetime, uow: UnitOfWork) -> None:
    """Makes the first pending delivery of each object due, with any number of failures: a claim
    may have set it back.
    """
    first = await _first_versions(endpoint_id, object_ids, uow)
    for object_id, version in first.items():
        of_object = (_columns.object_id == object_id, _columns.object_version == version)
        statement = update(webhook_deliveries).where(*pending_at(endpoint_id), *of_object)
        await uow.rows.execute(statement.values(next_attempt_at=at))


def pending_at(endpoint_id: UUID) -> Sequence[ColumnElement[bool]]:
    """Whether a delivery waits at the endpoint."""
    return _columns.endpoint_id == endpoint_id, _columns.status == "pending"


async def _first_versions(endpoint_id: UUID, object_ids: Collection[UUID], uow: UnitOfWork) -> dict[UUID, int]:
    """The earliest pending version of each object that has one."""
    query = select(_columns.object_id, func.min(_columns.object_version).label("first"))
    wanted = literal(list(object_ids), ARRAY(Uuid))
    of_objects = query.where(*pending_at(endpoint_id), _columns.object_id == any_(wanted))
    rows = (await uow.rows.execute(of_objects.group_by(_columns.object_id))).all()
    return {row.object_id: row.first for row in rows}


async def _read(delivery_ids: Sequence[UUID], uow: UnitOfWork) -> Sequence[Row[Any]]:
    """The deliveries in this order."""
    if not delivery_ids:
        return ()
    rows = (await uow.rows.execute(select(*_SENT).where(_columns.delivery_id.in_(delivery_ids)))).all()
    found: dict[UUID, Row[Any]] = {row.delivery_id: cast(Row[Any], row) for row in rows}
    return [found[each] for each in delivery_ids]


async def _set(delivery_ids: Sequence[UUID], uow: UnitOfWork, **values: Any) -> None:
    await uow.rows.execute(update(webhook_deliveries).where(_columns.delivery_id.in_(delivery_ids)).values(values))
