"""Queries. The caller passes the connection of a transaction that is bound to one tenant."""

from services.billing.queries.customers import CustomerRow, all_customers, customer
from services.billing.queries.documents import invoice_document
from services.billing.queries.invoices import InvoiceFilter, InvoiceRow, invoice, latest_invoices
from services.billing.queries.payments import RefundOrigin, RefundRow, RefundStatus, refund, refunds, tenants_of_charge
from services.billing.queries.reports import ReportLine, report_lines
from services.billing.queries.subscriptions import (
    SubscriptionFilter,
    SubscriptionRow,
    latest_subscriptions,
    subscription,
)
from services.billing.queries.tax_rates import latest_tax_rates
from services.billing.queries.windows import RevenueFilter, RevenueRow, revenue

__all__ = [
    "CustomerRow",
    "InvoiceFilter",
    "InvoiceRow",
    "RefundOrigin",
    "RefundRow",
    "RefundStatus",
    "ReportLine",
    "RevenueFilter",
    "RevenueRow",
    "SubscriptionFilter",
    "SubscriptionRow",
    "all_customers",
    "customer",
    "invoice",
    "invoice_document",
    "latest_invoices",
    "latest_subscriptions",
    "latest_tax_rates",
    "refund",
    "refunds",
    "report_lines",
    "revenue",
    "subscription",
    "tenants_of_charge",
]
