"""Customers, subscriptions, invoices and payments."""

from services.billing.domain.attempts import AttemptKind, AttemptStatus, PaymentAttempt
from services.billing.domain.customer import Customer, PaymentMethod
from services.billing.domain.invoice import Invoice
from services.billing.domain.line import Line
from services.billing.domain.period import Period
from services.billing.domain.plan import Interval, Plan
from services.billing.domain.statuses import InvoiceStatus, SubscriptionStatus
from services.billing.domain.subscription import Subscription
from services.billing.domain.tax import LineTax, TaxRate, TaxTotal

__all__ = [
    "AttemptKind",
    "AttemptStatus",
    "Customer",
    "Interval",
    "Invoice",
    "InvoiceStatus",
    "Line",
    "LineTax",
    "PaymentAttempt",
    "PaymentMethod",
    "Period",
    "Plan",
    "Subscription",
    "SubscriptionStatus",
    "TaxRate",
    "TaxTotal",
]
