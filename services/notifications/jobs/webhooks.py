"""Sends webhooks: one job at a time per endpoint, several requests at a time per job, and one
request at a time per object.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any
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
from waypost.kernel.errors import Transient, Unavailable
from waypost.telemetry import metrics

log = structlog.get_logger()

AFTER_ANSWERS = failpoint("webhooks.after_answers")

RUN_SECONDS = 5.0
"""A job begins no batch after this time: other endpoints have their turn."""


async def send_webhooks(job: JobContext[MailResources], endpoint_id: UUID) -> int | None:
    """Sends what is due to the endpoint, each object's deliveries in the order of its versions.
    Returns the number of requests; None if another job is sending them. Leaves a slow endpoint to
    `send_unanswered_webhooks`.

    A request is repeated, with the same `webhook-id`, if its answer was not stored.
    """
    return await _Sending(job, endpoint_id, in_slots_of_slow=False).run()


async def send_unanswered_webhooks(job: JobContext[MailResources], endpoint_id: UUID) -> int | None:
    """As `send_webhooks`, in separate slots: for endpoints whose last requests got no answer, or a
    slow one.
    """
    return await _Sending(job, endpoint_id, in_slots_of_slow=True).run()


class _Sending:
    """The batches of one job, under one lease."""

    def __init__(self, job: JobContext[MailResources], endpoint_id: UUID, *, in_slots_of_slow: bool) -> None:
        self._job = job
        self._endpoint_id = endpoint_id
        self._in_slots_of_slow = in_slots_of_slow
        self._lease = uuid4()
        self._ends_at = seconds_of_loop() + RUN_SECONDS

    async def run(self) -> int | None:
        try:
            sent = await self._send_batches()
        except LeaseHeld as held:
            # The other job looks for due deliveries before it ends. It may have ended already, with
            # its process: then this one follows it.
            async with self._job.begin() as uow:
                at = _next_half_minute(held.until)
                await enqueue_sending(self._endpoint_id, uow, is_slow=held.is_slow, at=at)
            return None
        except (asyncio.CancelledError, Transient, Unavailable):  # a deployment, the database, or nothing can be sent
            await finished(self._end())
            raise
        await self._end()
        return sent

    async def _send_batches(self) -> int:
        webhooks = self._job.resources.webhooks
        webhooks.require_ready()
        sent, batch = 0, await self._claim()
        while batch is not None:
            url = batch.url
            async with webhooks.connect(url) as connection:
                while batch is not None and batch.url == url:
                    await self._send_batch(batch, connection)
                    sent += len(batch.deliveries)
                    batch = await self._next_batch()
        return sent

    async def _claim(self) -> Batch | None:
        """The next batch with deliveries. Each part of deliveries that wait is set back by a
        separate transaction. Raises LeaseHeld, Unavailable.
        """
        while True:
            async with self._job.begin() as uow:
                batch = await claim(
                    *(self._endpoint_id, self._lease, self._job.clock.now(), uow, self._job.resources.opener),
                    in_slots_of_slow=self._in_slots_of_slow,
                )
            if batch is None or batch.deliveries:
                return batch
            if seconds_of_loop() >= self._ends_at:
                return None

    async def _next_batch(self) -> Batch | None:
        if seconds_of_loop() >= self._ends_at:
            return None
        try:
            return await self._claim()
        except LeaseHeld:  # this job was delayed beyond its lease
            return None

    async def _send_batch(self, batch: Batch, connection: WebhookConnection) -> None:
        began = seconds_of_loop()
        requests = (_send(self._job, connection, batch.secrets, delivery) for delivery in batch.deliveries)
        answers = list(zip(batch.deliveries, await asyncio.gather(*requests), strict=True))
        seconds = seconds_of_loop() - began
        AFTER_ANSWERS.hit()
        async with self._job.begin() as uow:
            await settle(batch, self._lease, answers, self._job.clock.now(), uow, seconds=seconds)

    async def _end(self) -> None:
        """Gives the lease back if it is held still: other endpoints have their turn before the next
        job of this one.
        """
        async with self._job.begin() as uow:
            await end_lease(self._endpoint_id, self._lease, self._job.clock.now(), uow)


async def finished(work: Coroutine[Any, Any, None]) -> None:
    """Waits for the end of the work, which a cancellation does not interrupt; a failure is logged,
    because another error is on its way.
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue  # the caller raises the first one
    if error := task.exception():
        log.warning("webhook_lease_kept", exc_info=error)  # it expires


async def _send(
    job: JobContext[MailResources], connection: WebhookConnection, secrets: Sequence[str], delivery: ClaimedDelivery
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


def _next_half_minute(at: datetime) -> datetime:
    """A time that many jobs share, so that few of them wait."""
    seconds = at.timestamp()
    return datetime.fromtimestamp(seconds + 30 - seconds % 30, UTC)


def seconds_of_loop() -> float:
    return asyncio.get_running_loop().time()
