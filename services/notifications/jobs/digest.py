"""The daily digest: a job per tenant finds who gets one, a job per user queues the letter, and the
letter is mailed like any other.

One per user and day, three times over: the tick happens once, the user's job has a key, and the
letter's id follows from both.
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
"""Users of one transaction."""


async def send_digest(job: JobContext[MailResources]) -> int:
    """Gives back for how many users of the tenant there is one that day, in UTC: the tick's,
    however late this runs.
    """
    day, users, last = job.enqueued_at.astimezone(UTC).date(), 0, None
    while page := await _queue_page(job, day, last):
        users, last = users + len(page), page[-1]
        AFTER_A_PAGE.hit()
    return users


async def queue_digest(job: JobContext[MailResources], user_id: UUID, day: str) -> bool:
    """Whether there was one to send: it looks again. `day` as ISO 8601."""
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
