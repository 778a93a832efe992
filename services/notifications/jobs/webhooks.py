"""Sends webhooks: one job at a time per endpoint, several requests at a time per job, and one
request at a time per object.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog

from services.notifications.domain.webhook_signature import signed_headers
from services.notifications.handlers.webhook_attempts import (
    Batch,
    ClaimedDelivery,
    LeaseHeld,
    claim,
    end_lease,
)
from services.notifications.handlers.webhook_jobs import enqueue_sending
from services.notifications.handlers.webhook_results import settle
from services.notifications.ports import MailResources, WebhookAnswer, WebhookConnection
from waypost.engine.failpoints import failpoint
from waypost.jobs.context import JobContext
from waypost.telemetry import metrics

log = structlog.get_logger()

AFTER_ANSWERS = failpoint("webhooks.after_answers")

RUN_SECONDS = 5.0
"""A job begins no batch after this time: other endpoints have their turn."""


async def send_webhooks(job: JobContext[MailResources], endpoint_id: UUID) -> int | None:
    """Sends what is due to the endpoint, each object's deliveries in the order of its versions.
    Returns the number of requests; None if another job is sending them.

    A request is repeated, with the same `webhook-id`, if its answer was not stored.
    """
    lease = uuid4()
    try:
        batch = await _claim(job, endpoint_id, lease)
    except LeaseHeld as held:
        # The other job looks for due deliveries before it ends. It may have ended already, with its
        # process: then this one follows it.
        async with job.begin() as uow:
            await enqueue_sending(endpoint_id, uow, is_down=held.is_down, at=_next_half_minute(held.until))
        return None
    return await _send_batches(job, endpoint_id, lease, batch)


async def send_unanswered_webhooks(job: JobContext[MailResources], endpoint_id: UUID) -> int | None:
    """As `send_webhooks`, in separate slots: for endpoints whose last request got no
    answer.
    """
    return await send_webhooks(job, endpoint_id)


async def _send_batches(job: JobContext[MailResources], endpoint_id: UUID, lease: UUID, batch: Batch | None) -> int:
    sent, ends_at = 0, _seconds() + RUN_SECONDS
    while batch is not None:
        url = batch.url
        async with job.resources.webhooks.connect(url) as connection:
            while batch is not None and batch.url == url:
                await _send_batch(job, endpoint_id, lease, batch, connection)
                sent += len(batch.deliveries)
                batch = await _next_batch(job, endpoint_id, lease) if _seconds() < ends_at else None
    await _end(job, endpoint_id, lease)
    return sent


async def _claim(job: JobContext[MailResources], endpoint_id: UUID, lease: UUID) -> Batch | None:
    async with job.begin() as uow:
        return await claim(endpoint_id, lease, job.clock.now(), uow)


async def _next_batch(job: JobContext[MailResources], endpoint_id: UUID, lease: UUID) -> Batch | None:
    try:
        return await _claim(job, endpoint_id, lease)
    except LeaseHeld:  # this job was delayed beyond its lease
        return None


async def _send_batch(
    job: JobContext[MailResources], endpoint_id: UUID, lease: UUID, batch: Batch, connection: WebhookConnection
) -> None:
    opener = job.resources.opener
    secrets = [opener.open(row.sealing_key_id, row.sealed) for row in batch.secrets]
    requests = (_send(job, connection, secrets, delivery) for delivery in batch.deliveries)
    answers = list(zip(batch.deliveries, await asyncio.gather(*requests), strict=True))
    AFTER_ANSWERS.hit()
    async with job.begin() as uow:
        await settle(batch, lease, answers, job.clock.now(), uow)


async def _send(
    job: JobContext[MailResources], connection: WebhookConnection, secrets: list[str], delivery: ClaimedDelivery
) -> WebhookAnswer:
    body = delivery.body.encode()
    answer = await connection.send(signed_headers(secrets, str(delivery.id), body, job.clock.now()), body)
    outcome = answer.failure.value if answer.failure else "delivered"
    metrics.WEBHOOK_ATTEMPTS.labels(outcome).inc()
    log.info(
        "webhook_sent",
        endpoint_id=str(delivery.endpoint_id),
        delivery_id=str(delivery.id),
        event_type=delivery.event_type,
        attempt=delivery.attempts,
        outcome=outcome,
        status=answer.status_code,
    )
    return answer


async def _end(job: JobContext[MailResources], endpoint_id: UUID, lease: UUID) -> None:
    """Gives the lease back if it is held still: other endpoints have their turn before the next job
    of this one.
    """
    async with job.begin() as uow:
        await end_lease(endpoint_id, lease, job.clock.now(), uow)


def _next_half_minute(at: datetime) -> datetime:
    """A time that many jobs share, so that few of them wait."""
    seconds = at.timestamp()
    return datetime.fromtimestamp(seconds + 30 - seconds % 30, UTC)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
