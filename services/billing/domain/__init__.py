"""Customers, their invoices, and the money in between."""

from services.billing.domain.attempts import AttemptKind, AttemptStatus, PaymentAttempt
from services.billing.domain.customer import Customer, PaymentMethod
from services.billing.domain.invoice import Invoice, InvoiceStatus
from services.billing.domain.line import Line
from services.billing.domain.period import Period

__all__ = [
    "AttemptKind",
    "AttemptStatus",
    "Customer",
    "Invoice",
    "InvoiceStatus",
    "Line",
    "PaymentAttempt",
    "PaymentMethod",
    "Period",
]
