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

from sqlalchemy import Row, func, select, update

from services.notifications.domain.webhook_schedule import retry_after
from services.notifications.handlers.webhook_endpoints import locked
from services.notifications.handlers.webhook_heads import due_part, pending_at
from services.notifications.handlers.webhook_jobs import enqueue_sending, is_slow
from services.notifications.ports import TokenOpener, UnknownSealingKey, WebhookFailure
from services.notifications.queries.webhook_tables import webhook_deliveries, webhook_endpoints
from services.notifications.queries.webhooks import valid_secrets
from waypost.kernel.errors import NotFound, Unavailable
from waypost.ports.unit_of_work import UnitOfWork

LEASE = timedelta(seconds=90)
"""Longer than the job may run: the time limit ends it before another job begins."""
AT_ONCE = 8
"""Requests that are open to a healthy endpoint at the same time; to a failing one it is 1."""

_columns = webhook_deliveries.c


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
    secrets: Sequence[str] = field(repr=False)
    """Newest first."""
    deliveries: Sequence[ClaimedDelivery]


class LeaseHeld(Exception):
    """Another job sends to the endpoint, at least until then unless it ends earlier."""

    def __init__(self, until: datetime, *, is_slow: bool) -> None:
        self.until = until
        self.is_slow = is_slow
        super().__init__("another job sends to the endpoint")


async def claim(
    endpoint_id: UUID, lease: UUID, at: datetime, uow: UnitOfWork, opener: TokenOpener, *, in_slots_of_slow: bool = True
) -> Batch | None:
    """Takes or renews the lease and claims due deliveries. A batch without deliveries means that
    the due ones wait for earlier versions, and that more may be due: commit, and claim again.

    Without due deliveries, gives the lease back and enqueues the next job. Returns None then, and
    for an endpoint that is deleted, disabled or paused, or that is slow and has other slots.
    Raises LeaseHeld, and Unavailable without counting an attempt if a secret cannot be opened.
    """
    try:
        endpoint = await locked(endpoint_id, uow)
    except NotFound:
        return None
    if endpoint.lease not in (None, lease) and endpoint.leased_until > at:
        raise LeaseHeld(endpoint.leased_until, is_slow=is_slow(endpoint))
    is_paused = endpoint.resume_at is not None and endpoint.resume_at > at
    if not endpoint.enabled or is_paused or (is_slow(endpoint) and not in_slots_of_slow):
        await release(endpoint, at, uow)
        return None
    part = await due_part(endpoint_id, at, 1 if endpoint.unanswered else AT_ONCE, uow)
    if part.is_last:
        await release(endpoint, at, uow)
        return None
    secrets = opened(await valid_secrets(uow.rows, endpoint_id, at), opener)
    await update_endpoint(endpoint_id, uow, lease=lease, leased_until=at + LEASE)
    claimed = [await _claimed(head, at, uow) for head in part.heads]
    return Batch(endpoint_id=endpoint_id, url=endpoint.url, secrets=secrets, deliveries=claimed)


def opened(sealed: Sequence[Row[Any]], opener: TokenOpener) -> Sequence[str]:
    """The secrets in the same order. Raises Unavailable for an unknown key: another process may
    have sealed with a key that this one gets with its next start.
    """
    try:
        return [opener.open(row.sealing_key_id, row.sealed) for row in sealed]
    except UnknownSealingKey as unknown:
        raise Unavailable(
            f"{unknown}: webhooks wait until this process has the key; add it to sealing.private.json of all processes"
            " of notifications, and restart them",
            retry_after=timedelta(seconds=30),
        ) from unknown


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

    If nothing waits, the endpoint fails no longer: a failure after weeks without events must not
    count from the one before.
    """
    await update_endpoint(endpoint.endpoint_id, uow, lease=None, leased_until=None)
    if not endpoint.enabled:
        return
    pending = select(func.min(_columns.next_attempt_at)).where(*pending_at(endpoint.endpoint_id))
    next_at: datetime | None = (await uow.rows.execute(pending)).scalar_one()
    if next_at is not None:
        at_least = max(next_at, endpoint.resume_at or next_at)
        is_due = at_least <= at
        await enqueue_sending(endpoint.endpoint_id, uow, is_slow=is_slow(endpoint), at=None if is_due else at_least)
    elif endpoint.failing_since is not None:
        await update_endpoint(endpoint.endpoint_id, uow, failing_since=None)


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


async def update_endpoint(endpoint_id: UUID, uow: UnitOfWork, **values: Any) -> None:
    await uow.rows.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.endpoint_id == endpoint_id).values(values)
    )
