"""The daily digest: a job per tenant finds the recipients, a job per user queues the notification,
which is mailed like any other.

Three mechanisms guarantee one digest per user and day: the tick happens once, the user's job has an
idempotency key, and the notification's id is derived from user and day.
"""

from collections.abc import Sequence
from datetime import UTC, date
from uuid import UUID

from services.notifications.commands import QueueDigest
from services.notifications.handlers import notifications
from services.notifications.ports import MailResources
from services.notifications.queries.digest import users_due_a_digest
from waypost.engine.failpoints import failpoint
from waypost.jobs.context import JobContext

AFTER_A_PAGE = failpoint("digest.after_a_page")

PAGE_SIZE = 200
"""Users per transaction."""


async def send_digest(job: JobContext[MailResources]) -> int:
    """Enqueues a digest job for each user of the tenant with unread notifications. Returns their
    number. The day is the tick's UTC day, also if the job runs late.
    """
    day, users, last = job.enqueued_at.astimezone(UTC).date(), 0, None
    while page := await _queue_page(job, day, last):
        users, last = users + len(page), page[-1]
        AFTER_A_PAGE.hit()
    return users


async def queue_digest(job: JobContext[MailResources], user_id: UUID, day: str) -> bool:
    """Queues the user's digest. Returns False if nothing is unread any more. `day` is an ISO 8601
    date.
    """
    command = QueueDigest(tenant_id=job.tenant_id, user_id=user_id, day=date.fromisoformat(day), at=job.clock.now())
    async with job.begin() as uow:
        return await notifications.queue_digest(command, uow)


async def _queue_page(job: JobContext[MailResources], day: date, after: UUID | None) -> Sequence[UUID]:
    async with job.begin() as uow:
        page = await users_due_a_digest(uow.rows, after=after, limit=PAGE_SIZE)
        for user_id in page:
            key = f"{user_id} {day.isoformat()}"
            await uow.jobs.enqueue("queue_digest", idempotency_key=key, user_id=user_id, day=day.isoformat())
    return page
