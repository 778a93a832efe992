"""A finalized invoice as a document: everything that its PDF shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.billing.domain.line import Line
from services.billing.domain.statuses import InvoiceStatus
from services.billing.domain.tax import TaxTotal


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    tenant_id: UUID
    invoice_id: UUID
    number: int
    status: InvoiceStatus | str
    finalized_at: datetime
    due_at: datetime
    seller: str | None
    """The tenant's name; None until it has arrived from its topic."""
    buyer: str | None = field(repr=False)
    buyer_email: str | None = field(repr=False)
    buyer_erased: bool
    locale: str
    """The buyer's BCP 47 tag, which chooses the language."""
    currency: str
    lines: Sequence[Line]
    subtotal_minor: int
    taxes: Sequence[TaxTotal]
    total_minor: int
    paid_minor: int
    refunded_minor: int
