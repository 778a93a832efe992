"""The results of a batch of webhooks: of each delivery, and of the endpoint."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy import Row, update

from services.notifications.domain.webhook_schedule import (
    DISABLE_AFTER,
    DISABLE_AFTER_FAILURES,
    pause_of_endpoint,
    retry_after,
)
from services.notifications.handlers.webhook_attempts import ClaimedDelivery, pending_at, update_endpoint
from services.notifications.handlers.webhook_endpoints import DisabledReason, disable_endpoint, locked
from services.notifications.ports import WebhookAnswer
from services.notifications.queries.webhook_tables import webhook_deliveries
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

_columns = webhook_deliveries.c


async def settle(
    endpoint_id: UUID,
    lease: UUID,
    answers: Sequence[tuple[ClaimedDelivery, WebhookAnswer]],
    at: datetime,
    uow: UnitOfWork,
) -> None:
    """Writes the results of a batch. Nothing, if the endpoint was deleted, or if the lease has
    passed to another job: that one sends the deliveries again.
    """
    try:
        endpoint = await locked(endpoint_id, uow)
    except NotFound:
        return
    if endpoint.lease != lease:
        return
    for delivery, answer in answers:
        if answer.failure is None:
            await _deliver(delivery, answer, at, uow)
        else:
            await _fail(delivery, answer, at, uow)
    await _judge(endpoint, answers, at, uow)


async def _deliver(delivery: ClaimedDelivery, answer: WebhookAnswer, at: datetime, uow: UnitOfWork) -> None:
    values = {"status": "delivered", "settled_at": at, "next_attempt_at": None, "last_failure": None}
    await _write(delivery, answer, uow, **values)
    await _move_followers(delivery, at, uow)


async def _fail(delivery: ClaimedDelivery, answer: WebhookAnswer, at: datetime, uow: UnitOfWork) -> None:
    is_gone = answer.status_code == HTTPStatus.GONE
    pause = None if is_gone else retry_after(delivery.failures, answer.retry_after)
    failure = answer.failure.value if answer.failure else None
    if pause is None:
        values: dict[str, Any] = {"status": "failed", "settled_at": at, "next_attempt_at": None}
    else:
        values = {"next_attempt_at": at + pause}
    await _write(delivery, answer, uow, last_failure=failure, **values)
    await _move_followers(delivery, at if pause is None else at + pause, uow)


async def _write(delivery: ClaimedDelivery, answer: WebhookAnswer, uow: UnitOfWork, **values: Any) -> None:
    """Unless the delivery was claimed again, or made due by an admin meanwhile."""
    claimed = (_columns.delivery_id == delivery.id, _columns.attempts == delivery.attempts)
    is_claimed = (*claimed, _columns.status == "pending", _columns.failures == delivery.failures)
    statement = update(webhook_deliveries).where(*is_claimed)
    await uow.rows.execute(statement.values(last_status_code=answer.status_code, **values))


async def _move_followers(delivery: ClaimedDelivery, to: datetime, uow: UnitOfWork) -> None:
    """Later deliveries of the object are looked at when the object's next one is due. They could
    not be sent before; this only spares the search among them.
    """
    followers = update(webhook_deliveries).where(
        *pending_at(delivery.endpoint_id),
        _columns.object_id == delivery.object_id,
        _columns.object_version > delivery.object_version,
        _columns.failures == 0,
    )
    await uow.rows.execute(followers.values(next_attempt_at=to))


async def _judge(
    endpoint: Row[Any], answers: Sequence[tuple[ClaimedDelivery, WebhookAnswer]], at: datetime, uow: UnitOfWork
) -> None:
    """Updates the health of the endpoint, and disables one that is gone or has failed for days."""
    results = [answer for _, answer in answers]
    if any(answer.status_code == HTTPStatus.GONE for answer in results):
        if endpoint.enabled:
            await disable_endpoint(endpoint, DisabledReason.GONE, at, uow)
        return
    succeeded = any(answer.failure is None for answer in results)
    answered = succeeded or any(answer.failure is not None and answer.failure.is_answer for answer in results)
    failing_since = None if succeeded else endpoint.failing_since or at
    unanswered = 0 if answered else endpoint.unanswered + 1
    pause = pause_of_endpoint(unanswered)
    values = {"failing_since": failing_since, "unanswered": unanswered, "resume_at": at + pause if pause else None}
    await update_endpoint(endpoint.endpoint_id, uow, **values)
    most = max(delivery.failures for delivery, _ in answers)
    is_dead = failing_since is not None and at - failing_since >= DISABLE_AFTER and most >= DISABLE_AFTER_FAILURES
    if endpoint.enabled and is_dead:
        await disable_endpoint(endpoint, DisabledReason.FAILING, at, uow)
