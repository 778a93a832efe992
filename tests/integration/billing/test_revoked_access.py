"""An access token remains valid for minutes after a suspension, a demotion or an erasure. Billing
refuses it as soon as it has the event.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.users import UserSessionsEnded
from services.billing.app import SERVICE
from tests.fixtures.revoked_access import ID, STATES, admin_reads, created, endings, hear, requests, tenant_opened
from tests.integration.billing.service import BillingService, Company
from waypost.engine.principals import REMEMBERED_SESSIONS, TOKENS_END_AFTER
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id
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
    ("POST", "/tax-rates"): {"name": "VAT", "percentage": "19", "inclusive": False},
    ("POST", "/tax-rates/{tax_rate_id}/archive"): None,
    ("POST", "/tax-rates/{tax_rate_id}/default"): None,
    ("DELETE", "/tax-rates/{tax_rate_id}/default"): None,
    ("POST", "/reports"): {"kind": "revenue", "from": "2026-01-01", "to": "2026-01-31"},
}


class Admin:
    """An admin, with a token issued at most ten minutes ago."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self._billing = company.billing
        self.principal = Principal(
            user_id=company.owner_id, tenant_id=company.tenant_id, role=Role.ADMIN, session_id=new_id()
        )
        self.now = company.billing.runtime.clock.now()

    async def hears(self, events: Sequence[Event]) -> None:
        """Delivers the user's events to billing."""
        who = self.principal
        async with self._billing.runtime.database.transaction([who.tenant_id]) as connection:
            await hear(events, who.tenant_id, who.user_id, self.now, SERVICE, connection)

    def endings(self, at: datetime) -> Mapping[str, Sequence[Event]]:
        session_id = self.principal.session_id
        assert session_id is not None
        return endings(self.principal.tenant_id, self.principal.user_id, session_id, at)

    async def is_known(self) -> None:
        who = self.principal
        await self.hears([tenant_opened(who.tenant_id, self.now), created(who.tenant_id, who.user_id, self.now)])

    async def asks(self, *, age: timedelta = timedelta(minutes=1)) -> set[int]:
        """The statuses of all responses: to writes, and to reads of other users' data."""
        who = bearer(self.principal, age=age)
        http = self._billing.http
        answers = [
            *[await http.request(verb, path, json=body, headers=who) for verb, path, body in requests(SERVICE, BODIES)],
            *[await http.get(path, headers=who) for path in admin_reads(SERVICE)],
        ]
        return {answer.status_code for answer in answers}


@pytest.fixture
async def admin(billing: BillingService) -> Admin:
    return Admin(await billing.company())


@pytest.mark.parametrize("state", STATES)
async def test_a_revoked_user_cannot_act(admin: Admin, state: str) -> None:
    await admin.is_known()
    await admin.hears(admin.endings(admin.now)[state])
    before = await admin.company.row_counts()
    assert await admin.asks() == {401}
    assert await admin.company.row_counts() == before


async def test_a_new_user_is_accepted(admin: Admin) -> None:
    assert 401 not in await admin.asks()


async def test_an_active_user_is_accepted(admin: Admin) -> None:
    await admin.is_known()
    assert 401 not in await admin.asks()


async def test_the_end_of_another_session_revokes_nothing(admin: Admin) -> None:
    await admin.is_known()
    who = admin.principal
    ended = UserSessionsEnded(tenant_id=who.tenant_id, user_id=who.user_id, session_id=new_id(), ended_at=admin.now)
    await admin.hears([ended])
    assert 401 not in await admin.asks()


async def test_the_ended_sessions_of_a_user_have_a_limit_and_none_is_accepted_again(admin: Admin) -> None:
    """The oldest are forgotten, and tokens from before their end are refused in their place."""
    await admin.is_known()
    who = admin.principal
    sessions = [who.session_id, *(new_id() for _ in range(REMEMBERED_SESSIONS))]
    moments = [admin.now + timedelta(milliseconds=step) for step in range(len(sessions))]
    await admin.hears(
        [
            UserSessionsEnded(tenant_id=who.tenant_id, user_id=who.user_id, session_id=session, ended_at=moment)
            for session, moment in zip(sessions, moments, strict=True)
        ]
    )
    (row,) = await admin.company.rows("select ended_sessions from principals")
    assert set(row["ended_sessions"]) == {str(session) for session in sessions[1:]}
    assert await admin.asks() == {401}


async def test_an_ended_session_is_forgotten_when_its_tokens_have_ended(admin: Admin) -> None:
    await admin.is_known()
    who = admin.principal
    first, later = new_id(), new_id()
    await admin.hears(
        [
            UserSessionsEnded(tenant_id=who.tenant_id, user_id=who.user_id, session_id=session, ended_at=moment)
            for session, moment in ((first, admin.now), (later, admin.now + TOKENS_END_AFTER))
        ]
    )
    (row,) = await admin.company.rows("select ended_sessions, sessions_ended_at from principals")
    assert (list(row["ended_sessions"]), row["sessions_ended_at"]) == ([str(later)], None)


async def test_a_new_sign_in_is_accepted_after_a_revocation(admin: Admin) -> None:
    tenant_id, user_id = admin.principal.tenant_id, admin.principal.user_id
    past = admin.now - timedelta(minutes=5)
    for ending in ("password changed", "suspended and reactivated"):
        await admin.hears([created(tenant_id, user_id, past), *admin.endings(past)[ending]])
        assert 401 not in await admin.asks(age=timedelta(minutes=4)), ending
        assert await admin.asks(age=timedelta(minutes=6)) == {401}, ending


async def test_a_promotion_does_not_revoke_a_token(admin: Admin) -> None:
    await admin.hears([created(admin.principal.tenant_id, admin.principal.user_id, admin.now, role="owner")])
    assert 401 not in await admin.asks()
