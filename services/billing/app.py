"""The billing service: commands, projections, consumers, jobs and routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.billing.adapters.invoice_documents import QueuedDocuments
from services.billing.adapters.provider import HttpPayments
from services.billing.adapters.webhooks import SignedWebhookReader
from services.billing.handlers import COMMANDS, CONSUMERS
from services.billing.handlers.exception_tables import EXCEPTIONS
from services.billing.handlers.tax_tables import TAXES
from services.billing.jobs import JOBS, SCHEDULE
from services.billing.live import PAYMENT_EVENTS, TOTAL_EVENTS, open_live_view
from services.billing.ports import Resources
from services.billing.projections import PROJECTIONS
from services.billing.settings import BillingSettings
from services.billing.tables import MONEY
from waypost.engine.principals import authorize
from waypost.hosting.service import LiveView, Service
from waypost.hosting.settings import load
from waypost.ports.person_keys import PersonKeyDeclaration


@asynccontextmanager
async def resources() -> AsyncIterator[Resources]:
    settings = load(BillingSettings)
    timeout_seconds = settings.payments_timeout_seconds
    async with (
        HttpPayments.open(settings.payments_url, timeout_seconds=timeout_seconds) as payments,
        QueuedDocuments.open() as documents,
    ):
        yield Resources(
            payments=payments,
            webhook_reader=SignedWebhookReader(*settings.webhook_secrets),
            plans=settings.plans,
            documents=documents,
        )


SERVICE = Service(
    name="billing",
    commands=COMMANDS,
    projections=PROJECTIONS,
    consumers=CONSUMERS,
    tables=[MONEY, EXCEPTIONS, TAXES],
    jobs=JOBS,
    schedule=SCHEDULE,
    api="services.billing.api",
    authorize=authorize,
    api_resources=resources,
    person_keys=PersonKeyDeclaration(),
    job_resources=resources,
    live_view=LiveView(open=open_live_view, handles=PAYMENT_EVENTS, publishes=TOTAL_EVENTS),
)
