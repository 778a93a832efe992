"""Erases the texts of the lines of an erased customer. The erasure enqueues it;
`erase_earlier_texts` enqueues it for each customer that an earlier release erased.
"""

from uuid import UUID

from services.billing.handlers.line_texts import erase_texts
from services.billing.ports import Resources
from waypost.jobs.context import JobContext


async def erase_line_texts(job: JobContext[Resources], customer_id: UUID) -> int:
    """Returns the number of invoices, some of which are one transaction. A repeated run changes
    nothing.
    """
    after, invoices = UUID(int=0), 0
    while True:
        async with job.begin() as uow:
            erased = await erase_texts(customer_id, after, uow)
        if not erased:
            return invoices
        after, invoices = erased[-1], invoices + len(erased)
