"""The routes of the billing service."""

from services.billing.api import customers, invoices, moving, revenue, webhooks
from shared.web import jobs

ROUTERS = [customers.router, invoices.router, moving.router, revenue.router, webhooks.router, jobs.router]
