"""The jobs that send to an endpoint. Failing endpoints have a kind of their own, so that they take
no slot from the others.
"""

from datetime import datetime
from uuid import UUID

from waypost.ports.unit_of_work import UnitOfWork

SEND, SEND_TO_FAILING = "send_webhooks", "send_failing_webhooks"


async def enqueue_sending(
    endpoint_id: UUID, uow: UnitOfWork, *, failing: bool, at: datetime | None = None, key: str | None = None
) -> None:
    """Enqueues the job that sends what is due, now or at `at`; once per endpoint and time, or per
    `key`, while it waits.
    """
    if at is not None:
        key = f"{endpoint_id} {at.isoformat()}"
    name = SEND_TO_FAILING if failing else SEND
    await uow.jobs.enqueue(name, endpoint_id=endpoint_id, run_at=at, idempotency_key=key)
