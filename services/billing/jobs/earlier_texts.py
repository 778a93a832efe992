"""Erases the texts on lines of customers whom an earlier release erased, every day. It exists for
one release: the next one removes it, together with `handlers/earlier_texts.py`.
"""

from uuid import UUID

from services.billing.handlers.earlier_texts import enqueue_erasures, tenants_with_erased
from services.billing.ports import Resources
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import tenants_with_rows


async def erase_earlier_texts(job: JobContext[Resources], after: UUID | None = None) -> None:
    """Enqueues `erase_line_texts` for those of the next erased customers, with an id above `after`,
    who have a text on a line, and enqueues the next part.
    """
    async with job.begin() as uow:
        last = await enqueue_erasures(job.tenant_id, after or UUID(int=0), uow)
        if last is not None:
            await uow.jobs.enqueue("erase_earlier_texts", idempotency_key=f"after-{job.id}", after=last)


EARLIER_TEXTS = Scheduled(
    "erase_earlier_texts", at="03:30", tenants=tenants_with_rows(tenants_with_erased), skip_if_queued=True
)
