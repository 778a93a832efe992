"""The routes of the billing service."""

from services.billing.api import customers, invoices, moving, reports, revenue, webhooks
from shared.web import jobs

ROUTERS = [
    customers.router,
    invoices.router,
    moving.router,
    revenue.router,
    reports.router,
    webhooks.router,
    jobs.router,
]
