"""The routes of the billing service."""

from services.billing.api import customers, invoices, payments, plans, reports, revenue, subscriptions, webhooks
from waypost.web import jobs

ROUTERS = [
    customers.router,
    plans.router,
    subscriptions.router,
    invoices.router,
    payments.router,
    revenue.router,
    reports.router,
    webhooks.router,
    jobs.router,
]
