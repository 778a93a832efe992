"""The jobs that send to an endpoint. Endpoints that do not answer, or slowly, have a kind of their
own, so that they take no slot from the others.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from waypost.ports.unit_of_work import UnitOfWork

SEND, SEND_TO_SLOW = "send_webhooks", "send_unanswered_webhooks"

SLOW_AFTER_UNANSWERED = 2
"""After so many batches in a row without any HTTP answer an endpoint gets the second kind of job:
one lost connection says little.
"""

_WAITS = "select 1 from jobs where id = $1 and status = 'queued'"


def is_slow(endpoint: Row[Any]) -> bool:
    """Whether the endpoint gets the second kind of job."""
    return bool(endpoint.answers_slowly) or endpoint.unanswered >= SLOW_AFTER_UNANSWERED


async def enqueue_sending(
    endpoint_id: UUID, uow: UnitOfWork, *, is_slow: bool, at: datetime | None = None, key: str | None = None
) -> None:
    """Enqueues the job that sends what is due, now or at `at`; once per endpoint and time while it
    waits, or once per `key`. `is_slow`: with the second kind of job.
    """
    name = SEND_TO_SLOW if is_slow else SEND
    if at is None:
        await uow.jobs.enqueue(name, endpoint_id=endpoint_id, idempotency_key=key)
        return
    # A job may run before its time: the clocks of the database and of processes differ, and step
    # back. It holds its key while it runs, so that the next one needs another.
    key = f"{endpoint_id} {at.isoformat()}"
    while True:
        job_id = await uow.jobs.enqueue(name, endpoint_id=endpoint_id, run_at=at, idempotency_key=key)
        if await uow.query(_WAITS, job_id):
            return
        key = f"{endpoint_id} after {job_id}"
