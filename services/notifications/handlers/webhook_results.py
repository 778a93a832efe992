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
from services.notifications.handlers.webhook_attempts import Batch, ClaimedDelivery, update_endpoint
from services.notifications.handlers.webhook_endpoints import DisabledReason, disable_endpoint, locked
from services.notifications.handlers.webhook_heads import wake
from services.notifications.ports import WebhookAnswer
from services.notifications.queries.webhook_tables import webhook_deliveries
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

_columns = webhook_deliveries.c


Answers = Sequence[tuple[ClaimedDelivery, WebhookAnswer]]

SLOW_SECONDS = 2.0
"""An endpoint whose last batch took longer is slow."""


async def settle(
    batch: Batch, lease: UUID, answers: Answers, at: datetime, uow: UnitOfWork, *, seconds: float = 0.0
) -> None:
    """Writes the results of a batch. Nothing, if the endpoint was deleted, or if the lease has
    passed to another job: that one sends the deliveries again. If the URL has changed since, an
    answer of the earlier one neither disables the endpoint nor counts against it.
    `seconds`: how long the batch took.
    """
    try:
        endpoint = await locked(batch.endpoint_id, uow)
    except NotFound:
        return
    if endpoint.lease != lease:
        return
    is_present = endpoint.url == batch.url
    for delivery, answer in answers:
        if answer.failure is None:
            await _deliver(delivery, answer, at, uow)
        else:
            await _fail(delivery, answer, at, uow, may_be_gone=is_present)
    if is_present:
        await _judge(endpoint, answers, at, uow, is_slow=seconds > SLOW_SECONDS)


async def _deliver(delivery: ClaimedDelivery, answer: WebhookAnswer, at: datetime, uow: UnitOfWork) -> None:
    values = {"status": "delivered", "settled_at": at, "next_attempt_at": None, "last_failure": None}
    await _write(delivery, answer, uow, **values)
    await wake(delivery.endpoint_id, [delivery.object_id], at, uow)


async def _fail(
    delivery: ClaimedDelivery, answer: WebhookAnswer, at: datetime, uow: UnitOfWork, *, may_be_gone: bool
) -> None:
    is_gone = may_be_gone and answer.status_code == HTTPStatus.GONE
    pause = None if is_gone else retry_after(delivery.failures, answer.retry_after)
    failure = answer.failure.value if answer.failure else None
    if pause is None:
        values: dict[str, Any] = {"status": "failed", "settled_at": at, "next_attempt_at": None}
    else:
        values = {"next_attempt_at": at + pause}
    await _write(delivery, answer, uow, last_failure=failure, **values)
    if pause is None:
        await wake(delivery.endpoint_id, [delivery.object_id], at, uow)


async def _write(delivery: ClaimedDelivery, answer: WebhookAnswer, uow: UnitOfWork, **values: Any) -> None:
    """Unless the delivery was claimed again, or made due by an admin meanwhile."""
    claimed = (_columns.delivery_id == delivery.id, _columns.attempts == delivery.attempts)
    is_claimed = (*claimed, _columns.status == "pending", _columns.failures == delivery.failures)
    statement = update(webhook_deliveries).where(*is_claimed)
    await uow.rows.execute(statement.values(last_status_code=answer.status_code, **values))


async def _judge(endpoint: Row[Any], answers: Answers, at: datetime, uow: UnitOfWork, *, is_slow: bool) -> None:
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
    await update_endpoint(endpoint.endpoint_id, uow, **values, answers_slowly=is_slow)
    most = max(delivery.failures for delivery, _ in answers)
    is_dead = failing_since is not None and at - failing_since >= DISABLE_AFTER and most >= DISABLE_AFTER_FAILURES
    if endpoint.enabled and is_dead:
        await disable_endpoint(endpoint, DisabledReason.FAILING, at, uow)
