"""The jobs that send to an endpoint. Endpoints that do not answer have a kind of their own, so that
they take no slot from the others.
"""

from datetime import datetime
from uuid import UUID

from waypost.ports.unit_of_work import UnitOfWork

SEND, SEND_TO_DOWN = "send_webhooks", "send_unanswered_webhooks"


async def enqueue_sending(
    endpoint_id: UUID, uow: UnitOfWork, *, is_down: bool, at: datetime | None = None, key: str | None = None
) -> None:
    """Enqueues the job that sends what is due, now or at `at`; once per endpoint and time, or per
    `key`, while it waits. `is_down`: the last request got no answer.
    """
    if at is not None:
        key = f"{endpoint_id} {at.isoformat()}"
    name = SEND_TO_DOWN if is_down else SEND
    await uow.jobs.enqueue(name, endpoint_id=endpoint_id, run_at=at, idempotency_key=key)
