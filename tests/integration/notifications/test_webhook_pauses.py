"""Events from before, during and after the times in which an endpoint is disabled."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.notifications.domain.webhook_pauses import MAX_PERIODS, Period, with_period
from services.notifications.domain.webhook_schedule import RETENTION
from tests.integration.notifications.service import NotificationsService
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.testing.http import serving

MINUTES = timedelta(minutes=5)
NOW = datetime(2026, 3, 31, tzinfo=UTC)


@pytest.fixture
async def tenant(notifications: NotificationsService, http: httpx.AsyncClient) -> AsyncIterator[Tenant]:
    receiver = Receiver()
    async with serving(receiver.app()) as receiver.url:
        yield Tenant(notifications, http, receiver)


async def test_an_event_that_is_unread_at_the_disabling_is_sent_and_one_from_between_is_not(tenant: Tenant) -> None:
    """Its consumer may lag, through several disablings."""
    before_all = tenant.finalized()
    await tenant.service.pass_time(MINUTES)
    endpoint = await tenant.endpoint()
    await tenant.service.pass_time(MINUTES)
    read_while_disabled, read_afterwards = tenant.finalized(), tenant.finalized()
    between = []
    for _ in range(2):
        await tenant.service.pass_time(MINUTES)
        await _enable(tenant, endpoint["endpoint_id"], enabled=False)
        await tenant.service.pass_time(MINUTES)
        await tenant.happen(read_while_disabled)
        await tenant.run_due_jobs()
        between.append(tenant.finalized())
        await tenant.happen(between[-1])
        await tenant.service.pass_time(MINUTES)
        await _enable(tenant, endpoint["endpoint_id"], enabled=True)
    await tenant.happen(read_afterwards, *between, before_all)
    await tenant.run_due_jobs()
    expected = {str(each.aggregate_id) for each in (read_while_disabled, read_afterwards)}
    assert {object_id for _, object_id, _ in tenant.receiver.events} == expected
    assert len(tenant.receiver.events) == 2


async def _enable(tenant: Tenant, endpoint_id: str, *, enabled: bool) -> None:
    changed = await tenant.request("PATCH", f"/{endpoint_id}", {"enabled": enabled})
    assert changed.status_code == 200, changed.text


def test_the_stored_periods_are_bounded_and_a_dropped_one_ends_the_subscription_before_it() -> None:
    since = {"invoice.paid": NOW.isoformat(), "user.erased": (NOW + timedelta(hours=3)).isoformat()}
    periods: list[Period] = []
    at = NOW
    for _ in range(MAX_PERIODS + 1):
        at += timedelta(hours=1)
        periods, since = with_period(periods, since, at, at + MINUTES)
    assert len(periods) == MAX_PERIODS
    assert periods[-1] == [at.isoformat(), (at + MINUTES).isoformat()]
    assert since == {
        "invoice.paid": (NOW + timedelta(hours=1) + MINUTES).isoformat(),
        "user.erased": (NOW + timedelta(hours=3)).isoformat(),
    }
    later = at + RETENTION + timedelta(days=1)
    assert with_period(periods, since, later, later) == ([[later.isoformat()] * 2], since)
