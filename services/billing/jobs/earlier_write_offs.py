"""Records the write-offs of an earlier release on their customers. Migration 0010 enqueues it once
for each tenant with a written-off invoice.
"""

import structlog

from services.billing.handlers.earlier_write_offs import record_write_off, written_off_invoices
from services.billing.ports import Resources
from waypost.jobs.context import JobContext

log = structlog.get_logger()


async def record_write_offs(job: JobContext[Resources]) -> int:
    """Returns the number of write-offs that were recorded, each in its own transaction. A repeated
    run records none twice.
    """
    async with job.begin() as uow:
        found = await written_off_invoices(uow)
    recorded = 0
    for invoice_id in found:
        async with job.begin() as uow:
            recorded += await record_write_off(invoice_id, job.clock.now(), uow)
    log.info("write_offs_recorded", tenant_id=str(job.tenant_id), invoices=len(found), recorded=recorded)
    return recorded
