"""The texts of the lines of an erased customer, on invoices and in their events."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from services.billing.domain import Invoice
from services.billing.tables import invoice_lines, invoices
from waypost.ports.unit_of_work import UnitOfWork

INVOICES_AT_ONCE = 20
"""An invoice has at most 500 lines, and a transaction of the application lasts 15 s at most."""


def texts_key(customer_id: UUID) -> str:
    """The idempotency key of the job `erase_line_texts`."""
    return f"line-texts-{customer_id}"


async def erase_texts(customer_id: UUID, after: UUID, uow: UnitOfWork) -> Sequence[UUID]:
    """Empties the texts on the next invoices of the customer, and returns the ids of these
    invoices, which are above `after`. No line is added meanwhile: `add_line` refuses an erased
    customer.
    """
    next_ones = (
        select(invoices.c.invoice_id)
        .where(invoices.c.customer_id == customer_id, invoices.c.invoice_id > after)
        .order_by(invoices.c.invoice_id)
        .limit(INVOICES_AT_ONCE)
    )
    found = (await uow.rows.execute(next_ones)).scalars().all()
    if found:
        await uow.events.erase_personal_data(Invoice.aggregate_type, *found)
        has_text = (invoice_lines.c.invoice_id.in_(found), invoice_lines.c.description != "")
        await uow.rows.execute(update(invoice_lines).where(*has_text).values(description=""))
    return found
