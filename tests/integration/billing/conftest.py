"""The real application on a real database, with the payment provider's simulator to ask for money."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.database import Database
from tests.integration.billing.service import BillingService, Company, running_billing
from tests.integration.infra.payments import provider
from tests.integration.infra.webhooks import SECRET
from waypost.postgres.migrate import migrate
from waypost.postgres.provisioning.databases import ServiceDatabase


async def migrate_billing(database: ServiceDatabase) -> None:
    await migrate("billing", database.owner)


@pytest.fixture
async def billing(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BillingService]:
    async with provider(tmp_path) as payments:
        monkeypatch.setenv("WAYPOST_PAYMENTS_URL", str(payments.base_url))
        monkeypatch.setenv("WAYPOST_PAYMENTS_WEBHOOK_SECRET", SECRET)
        async with running_billing(await database("billing", migrate_billing), payments) as service:
            yield service


@pytest.fixture
async def company(billing: BillingService) -> Company:
    """A tenant whose one customer has a card that works."""
    company = await billing.company()
    await company.attach_card()
    return company
