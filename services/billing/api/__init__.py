"""The routes of the billing service."""

from services.billing.api import (
    customers,
    invoices,
    operations,
    payments,
    plans,
    refunds,
    reports,
    revenue,
    subscriptions,
    tax_rates,
    webhooks,
)
from services.billing.api.examples import EXAMPLES
from waypost.web import jobs

__all__ = ["EXAMPLES", "ROUTERS"]

ROUTERS = [
    customers.router,
    plans.router,
    subscriptions.router,
    tax_rates.router,
    invoices.router,
    payments.router,
    refunds.router,
    revenue.router,
    reports.router,
    webhooks.router,
    jobs.router,
    operations.router,
]
