"""The attempts of one job at the deliveries of one endpoint: lease and claim.

The lease gives an endpoint to one job at a time, so that no two requests of one object overlap. A
claim counts the attempt and sets the next one before the request is sent: an attempt that ends with
its process is repeated by the same schedule, and a body that kills the process is given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, func, select, update
from sqlalchemy.sql import ColumnElement

from services.notifications.domain.webhook_schedule import MAX_FAILURES, retry_after
from services.notifications.handlers.webhook_endpoints import locked
from services.notifications.handlers.webhook_jobs import enqueue_sending
from services.notifications.ports import WebhookFailure
from services.notifications.queries.webhook_tables import webhook_deliveries, webhook_endpoints
from services.notifications.queries.webhooks import valid_secrets
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

LEASE = timedelta(seconds=90)
"""Longer than the job may run: the time limit ends it before another job begins."""
AT_ONCE = 8
"""Requests that are open to a healthy endpoint at the same time; to a failing one it is 1."""

PART = 100
"""Due deliveries that a claim reads at a time."""
SET_BACK = timedelta(hours=1)

_columns = webhook_deliveries.c
_READ = (
    *(_columns.delivery_id, _columns.endpoint_id, _columns.object_id, _columns.object_version),
    *(_columns.event_type, _columns.body, _columns.attempts, _columns.failures),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    id: UUID
    endpoint_id: UUID
    object_id: UUID
    object_version: int
    event_type: str
    body: str = field(repr=False)
    attempts: int
    """This one included. Together with the id it names the attempt."""
    failures: int
    """This attempt counts as a failure until it succeeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The deliveries that a job sends next."""

    endpoint_id: UUID
    url: str = field(repr=False)
    secrets: Sequence[Row[Any]] = field(repr=False)
    """Sealed, newest first."""
    deliveries: Sequence[ClaimedDelivery]


class LeaseHeld(Exception):
    """Another job sends to the endpoint, at least until then unless it ends earlier."""

    def __init__(self, until: datetime, *, is_down: bool) -> None:
        self.until = until
        self.is_down = is_down
        super().__init__("another job sends to the endpoint")


async def claim(endpoint_id: UUID, lease: UUID, at: datetime, uow: UnitOfWork) -> Batch | None:
    """Takes or renews the lease and claims due deliveries. Without any, gives the lease back and
    enqueues the next job. Returns None then, and for an endpoint that is deleted, disabled or
    paused. Raises LeaseHeld.
    """
    try:
        endpoint = await locked(endpoint_id, uow)
    except NotFound:
        return None
    if endpoint.lease not in (None, lease) and endpoint.leased_until > at:
        raise LeaseHeld(endpoint.leased_until, is_down=bool(endpoint.unanswered))
    is_paused = endpoint.resume_at is not None and endpoint.resume_at > at
    if not endpoint.enabled or is_paused:
        await release(endpoint, at, uow)
        return None
    heads = await _due_heads(endpoint_id, at, 1 if endpoint.unanswered else AT_ONCE, uow)
    if not heads:
        await release(endpoint, at, uow)
        return None
    await update_endpoint(endpoint_id, uow, lease=lease, leased_until=at + LEASE)
    claimed = [await _claimed(head, at, uow) for head in heads]
    return Batch(
        endpoint_id=endpoint_id,
        url=endpoint.url,
        secrets=await valid_secrets(uow.rows, endpoint_id, at),
        deliveries=claimed,
    )


async def end_lease(endpoint_id: UUID, lease: UUID, at: datetime, uow: UnitOfWork) -> None:
    """Gives the lease back, if it is still held, although deliveries may be due."""
    try:
        endpoint = await locked(endpoint_id, uow)
    except NotFound:
        return
    if endpoint.lease == lease:
        await release(endpoint, at, uow)


async def release(endpoint: Row[Any], at: datetime, uow: UnitOfWork) -> None:
    """Gives the lease back, and enqueues the job of the next attempt. The endpoint is locked, so a
    delivery that was committed before is seen here, and the job of a later one gets the lease.
    """
    await update_endpoint(endpoint.endpoint_id, uow, lease=None, leased_until=None)
    if not endpoint.enabled:
        return
    pending = select(func.min(_columns.next_attempt_at)).where(*pending_at(endpoint.endpoint_id))
    next_at: datetime | None = (await uow.rows.execute(pending)).scalar_one()
    if next_at is not None:
        at_least = max(each for each in (next_at, endpoint.resume_at, at) if each is not None)
        await enqueue_sending(endpoint.endpoint_id, uow, is_down=bool(endpoint.unanswered), at=at_least)


async def _due_heads(endpoint_id: UUID, at: datetime, limit: int, uow: UnitOfWork) -> Sequence[Row[Any]]:
    """The next delivery of each object, if it is due. Reads due deliveries in parts. Deliveries
    that wait for an earlier version are set back for an hour, so that no claim reads them again:
    the end of the earlier one makes them due.
    """
    due = select(*_READ, _has_earlier().label("waits")).where(*pending_at(endpoint_id), _columns.next_attempt_at <= at)
    part = due.order_by(_columns.next_attempt_at, _columns.object_version).limit(PART)
    while rows := (await uow.rows.execute(part)).all():
        waiting = [row.delivery_id for row in rows if row.waits]
        exhausted = [row.delivery_id for row in rows if not row.waits and row.failures >= MAX_FAILURES]
        heads = [row for row in rows if not row.waits and row.failures < MAX_FAILURES]
        if waiting:
            await _set(waiting, uow, next_attempt_at=at + SET_BACK)
        if exhausted:  # the last attempt ended with its process
            await _set(exhausted, uow, status="failed", settled_at=at, next_attempt_at=None)
        if heads:
            return heads[:limit]
    return ()


async def _set(delivery_ids: Sequence[UUID], uow: UnitOfWork, **values: Any) -> None:
    await uow.rows.execute(update(webhook_deliveries).where(_columns.delivery_id.in_(delivery_ids)).values(values))


async def _claimed(head: Row[Any], at: datetime, uow: UnitOfWork) -> ClaimedDelivery:
    attempts, failures = head.attempts + 1, head.failures + 1
    again = retry_after(failures, None) or LEASE
    values = {
        "attempts": attempts,
        "failures": failures,
        "last_attempt_at": at,
        "last_status_code": None,
        "last_failure": WebhookFailure.INTERRUPTED.value,
        "next_attempt_at": at + again,
    }
    await uow.rows.execute(update(webhook_deliveries).where(_columns.delivery_id == head.delivery_id).values(values))
    return ClaimedDelivery(
        id=head.delivery_id,
        endpoint_id=head.endpoint_id,
        object_id=head.object_id,
        object_version=head.object_version,
        event_type=head.event_type,
        body=head.body,
        attempts=attempts,
        failures=failures,
    )


def pending_at(endpoint_id: UUID) -> Sequence[ColumnElement[bool]]:
    """Whether a delivery waits at the endpoint."""
    return _columns.endpoint_id == endpoint_id, _columns.status == "pending"


def _has_earlier() -> ColumnElement[bool]:
    """Whether an earlier version of the object is pending at the endpoint."""
    earlier = webhook_deliveries.alias("earlier")
    return exists().where(
        earlier.c.tenant_id == _columns.tenant_id,
        earlier.c.endpoint_id == _columns.endpoint_id,
        earlier.c.object_id == _columns.object_id,
        earlier.c.object_version < _columns.object_version,
        earlier.c.status == "pending",
    )


async def update_endpoint(endpoint_id: UUID, uow: UnitOfWork, **values: Any) -> None:
    await uow.rows.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.endpoint_id == endpoint_id).values(values)
    )
