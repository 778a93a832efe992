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


def is_slow(endpoint: Row[Any]) -> bool:
    """Whether the endpoint gets the second kind of job."""
    return bool(endpoint.answers_slowly) or endpoint.unanswered >= SLOW_AFTER_UNANSWERED


async def enqueue_sending(
    endpoint_id: UUID, uow: UnitOfWork, *, is_slow: bool, at: datetime | None = None, key: str | None = None
) -> None:
    """Enqueues the job that sends what is due, now or at `at`; once per endpoint and time, or per
    `key`, while it waits. `is_slow`: with the second kind of job.
    """
    if at is not None:
        key = f"{endpoint_id} {at.isoformat()}"
    name = SEND_TO_SLOW if is_slow else SEND
    await uow.jobs.enqueue(name, endpoint_id=endpoint_id, run_at=at, idempotency_key=key)
