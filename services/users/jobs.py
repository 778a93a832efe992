"""Background work."""

from collections.abc import Sequence

from sqlalchemy import delete

from services.users.tables import refresh_tokens, verification_tokens
from shared.jobs.context import JobContext
from shared.jobs.declaration import Job, Scheduled
from shared.kernel.clock import Clock


async def cleanup_expired(job: JobContext[Clock]) -> int:
    """Removes what nobody can use any more, and gives back how many rows that were."""
    now = job.resources.now()
    removed = 0
    async with job.begin() as uow:
        for table in (verification_tokens, refresh_tokens):
            removed += (await uow.rows.execute(delete(table).where(table.c.expires_at <= now))).rowcount
    return removed


JOBS: Sequence[Job] = [Job(cleanup_expired)]

SCHEDULE: Sequence[Scheduled] = [Scheduled("cleanup_expired", at="02:00")]
