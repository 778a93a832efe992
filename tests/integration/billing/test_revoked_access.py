"""An access token remains valid for minutes after a suspension, a demotion or an erasure. Billing
refuses it as soon as it has the event.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.billing.app import SERVICE
from services.billing.projections import PRINCIPALS
from tests.fixtures.revoked_access import ENDINGS, ID, created, endings, enveloped, requests
from tests.integration.billing.service import BillingService, Company
from waypost.engine.projections import project
from waypost.kernel.event import Event
from waypost.kernel.role import Role
from waypost.testing.tokens import bearer
from waypost.web.principal import Principal

LINE = {"description": "Loom", "quantity": 1, "unit_amount_minor": 1}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/customers/{customer_id}/payment-methods"): {"token": "pm_card_visa"},
    ("POST", "/customers/{customer_id}/payment-methods/{payment_method_id}/default"): None,
    ("DELETE", "/customers/{customer_id}/payment-methods/{payment_method_id}"): None,
    ("POST", "/subscriptions"): {"customer_id": ID, "plan": "starter"},
    ("POST", "/subscriptions/{subscription_id}/change"): {"plan": "team"},
    ("POST", "/subscriptions/{subscription_id}/cancel"): {},
    ("POST", "/subscriptions/{subscription_id}/uncancel"): None,
    ("POST", "/invoices"): {"customer_id": ID, "currency": "EUR"},
    ("POST", "/invoices/{invoice_id}/lines"): LINE,
    ("POST", "/invoices/{invoice_id}/finalize"): None,
    ("POST", "/invoices/{invoice_id}/void"): None,
    ("POST", "/invoices/{invoice_id}/pay"): None,
    ("POST", "/invoices/{invoice_id}/refund"): {},
    ("POST", "/reports"): {"kind": "revenue", "from": "2026-01-01", "to": "2026-01-31"},
}
READS = ("/customers", f"/customers/{ID}", "/invoices", "/subscriptions", "/revenue/live", "/plans")


class Admin:
    """An admin, with a token issued at most ten minutes ago."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._billing = company.billing
        self.principal = Principal(user_id=company.owner_id, tenant_id=company.tenant_id, role=Role.ADMIN)
        self.now = company.billing.runtime.clock.now()

    async def hears(self, events: Sequence[Event]) -> None:
        """Delivers the user's events to billing."""
        envelopes = enveloped(events, self.principal.tenant_id, self.principal.user_id, self.now)
        async with self._billing.runtime.database.transaction([self.principal.tenant_id]) as connection:
            await project(envelopes, PRINCIPALS.handlers, connection)

    async def asks(self, *, age: timedelta = timedelta(minutes=1)) -> set[int]:
        """The statuses of all responses: to writes, and to reads of other users' data."""
        who = bearer(self.principal, age=age)
        http = self._billing.http
        answers = [
            *[await http.request(verb, path, json=body, headers=who) for verb, path, body in requests(SERVICE, BODIES)],
            *[await http.get(path, headers=who) for path in READS],
        ]
        return {answer.status_code for answer in answers}


@pytest.fixture
async def admin(billing: BillingService) -> Admin:
    return Admin(await billing.company())


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_revoked_user_cannot_act(admin: Admin, ending: str) -> None:
    tenant_id, user_id = admin.principal.tenant_id, admin.principal.user_id
    await admin.hears([created(tenant_id, user_id, admin.now), *endings(tenant_id, user_id, admin.now)[ending]])
    before = await admin.company.row_counts()
    assert await admin.asks() == {401}
    assert await admin.company.row_counts() == before


async def test_a_new_user_is_accepted(admin: Admin) -> None:
    assert 401 not in await admin.asks()


async def test_a_new_sign_in_is_accepted_after_a_revocation(admin: Admin) -> None:
    tenant_id, user_id = admin.principal.tenant_id, admin.principal.user_id
    past = admin.now - timedelta(minutes=5)
    for ending in ("password changed", "suspended and reactivated"):
        await admin.hears([created(tenant_id, user_id, past), *endings(tenant_id, user_id, past)[ending]])
        assert 401 not in await admin.asks(age=timedelta(minutes=4)), ending
        assert await admin.asks(age=timedelta(minutes=6)) == {401}, ending


async def test_a_promotion_does_not_revoke_a_token(admin: Admin) -> None:
    await admin.hears([created(admin.principal.tenant_id, admin.principal.user_id, admin.now, role="owner")])
    assert 401 not in await admin.asks()
