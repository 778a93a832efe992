"""The data of an invoice's document."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.document import InvoiceDocument
from services.billing.domain.errors import InvoiceIsDraft
from services.billing.queries.invoices import invoice
from services.billing.tables import customers
from waypost.jobs.tenant_directory import tenant_directory
from waypost.kernel.ids import TenantId


async def invoice_document(
    rows: AsyncConnection, tenant_id: TenantId, invoice_id: UUID, *, customer_id: UUID | None
) -> InvoiceDocument:
    """Raises NotFound as `invoice`, and InvoiceIsDraft for an invoice without a number."""
    found = await invoice(rows, invoice_id, customer_id=customer_id)
    if found.number is None or found.finalized_at is None or found.due_at is None:
        raise InvoiceIsDraft
    # The directory has the tenants of all, so that its row is named.
    of_tenant = select(tenant_directory.c.name).where(tenant_directory.c.tenant_id == tenant_id)
    seller: str | None = (await rows.execute(of_tenant)).scalar_one_or_none()
    buyer = (await rows.execute(select(customers).where(customers.c.customer_id == found.customer_id))).one()
    return InvoiceDocument(
        tenant_id=tenant_id,
        invoice_id=found.id,
        number=found.number,
        status=found.status,
        finalized_at=found.finalized_at,
        due_at=found.due_at,
        seller=seller,
        buyer=buyer.display_name,
        buyer_email=buyer.email,
        buyer_erased=buyer.erased,
        locale=buyer.locale,
        currency=found.currency,
        lines=found.lines,
        subtotal_minor=found.subtotal_minor,
        taxes=found.taxes,
        total_minor=found.total_minor,
        paid_minor=found.amount_paid_minor,
        refunded_minor=found.amount_refunded_minor,
    )
