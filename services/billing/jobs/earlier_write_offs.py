"""Records the write-offs of an earlier release on their customers, every day. It exists for one
release: the next one removes it, together with `handlers/earlier_write_offs.py`.
"""

from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.billing.handlers.earlier_write_offs import (
    record_write_off,
    tenants_with_unrecorded,
    unrecorded_write_offs,
)
from services.billing.ports import Resources
from waypost.engine.retry import WITHOUT_ATTEMPTS
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Scheduled
from waypost.jobs.tenant_directory import tenants_with_rows

log = structlog.get_logger()

PART_SIZE = 1_000
"""Invoices of one job."""

_OUTAGES: tuple[type[Exception], ...] = (*WITHOUT_ATTEMPTS, SQLAlchemyError)


async def record_write_offs(job: JobContext[Resources], after: UUID | None = None) -> int:
    """Records up to PART_SIZE write-offs of invoices with an id above `after`, each in its own
    transaction, and enqueues the next part. Returns the number that was recorded. A repeated run
    records none twice.
    """
    async with job.begin() as uow:
        found = await unrecorded_write_offs(uow, after=after, limit=PART_SIZE)
    recorded = 0
    for invoice_id in found:
        recorded += await _record(job, invoice_id)
    if len(found) == PART_SIZE:
        async with job.begin() as uow:
            await uow.jobs.enqueue("record_write_offs", idempotency_key=f"after-{job.id}", after=found[-1])
    log.info("write_offs_recorded", tenant_id=str(job.tenant_id), invoices=len(found), recorded=recorded)
    return recorded


async def _record(job: JobContext[Resources], invoice_id: UUID) -> bool:
    """Skips an invoice that fails, so that it does not block the others: the next day tries it
    again. An outage ends the run, and the job is retried.
    """
    try:
        async with job.begin() as uow:
            return await record_write_off(invoice_id, job.clock.now(), uow)
    except _OUTAGES:
        raise
    except Exception:
        log.exception("write_off_not_recorded", tenant_id=str(job.tenant_id), invoice_id=str(invoice_id))
        return False


EARLIER_WRITE_OFFS = Scheduled(
    "record_write_offs", at="03:00", tenants=tenants_with_rows(tenants_with_unrecorded), skip_if_queued=True
)
