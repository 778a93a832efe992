"""The real application on a real database, with the simulator of the payment provider."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.billing.service import BillingService, Company, running_billing
from tests.integration.infra.payments import provider
from tests.integration.infra.webhooks import SECRET
from waypost.testing.database import Databases


@pytest.fixture
async def billing(
    database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BillingService]:
    async with provider(tmp_path) as payments:
        monkeypatch.setenv("WAYPOST_PAYMENTS_URL", str(payments.base_url))
        monkeypatch.setenv("WAYPOST_PAYMENTS_WEBHOOK_SECRET", SECRET)
        async with running_billing(await database("billing"), payments) as service:
            yield service


@pytest.fixture
async def company(billing: BillingService) -> Company:
    """A tenant with one customer, whose card succeeds."""
    company = await billing.company()
    await company.attach_card()
    return company
