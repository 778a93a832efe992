"""The end of a draft that is not to become an invoice."""

from datetime import datetime

from schemas.billing import InvoiceDiscarded
from services.billing.domain.errors import InvoiceNotDraft
from services.billing.domain.invoice import Invoice
from services.billing.domain.statuses import InvoiceStatus


def discard(draft: Invoice, reason: str, at: datetime) -> None:
    """Ends a draft as void, without a number. Reason: `erased`. Raises InvoiceNotDraft."""
    if draft.status is not InvoiceStatus.DRAFT:
        raise InvoiceNotDraft
    draft.record(
        InvoiceDiscarded(
            tenant_id=draft.tenant_id,
            invoice_id=draft.id,
            customer_id=draft.customer_id,
            currency=draft.currency,
            reason=reason,
            discarded_at=at,
        )
    )
