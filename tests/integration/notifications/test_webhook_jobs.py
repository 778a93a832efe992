"""Jobs of webhooks that share keys: follow-ups and redeliveries, with a limit per tenant."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.integration.notifications.service import NotificationsService
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.kernel.ids import new_id
from waypost.testing.http import serving

_WAITING = "status = 'queued' and name like 'send%webhooks' and run_at > now()"


@pytest.fixture
async def tenant(notifications: NotificationsService, http: httpx.AsyncClient) -> AsyncIterator[Tenant]:
    receiver = Receiver()
    async with serving(receiver.app()) as receiver.url:
        yield Tenant(notifications, http, receiver)


async def test_redeliveries_of_failed_ones_share_a_job_within_a_minute(tenant: Tenant) -> None:
    """A later request has more to send; one about another time or endpoint, too."""
    endpoints = [await tenant.endpoint(name=name) for name in ("a", "b")]
    await tenant.service.pass_time(timedelta(seconds=60 - tenant.service.clock.now().second))

    async def request(endpoint: Mapping[str, Any], day: int) -> None:
        since = {"since": f"2026-01-{day:02}T00:00:00Z"}
        answer = await tenant.request("POST", f"/{endpoint['endpoint_id']}/redeliver", since)
        assert answer.status_code == 202, answer.text

    async def jobs() -> int:
        query = "select count(*) as jobs from jobs where name = 'redeliver_failed_webhooks'"
        [row] = await tenant.service.rows(tenant.id, query)
        return int(row["jobs"])

    await request(endpoints[0], 1)
    await request(endpoints[0], 1)
    assert await jobs() == 1
    await request(endpoints[0], 2)
    await request(endpoints[1], 1)
    assert await jobs() == 3
    await tenant.service.pass_time(timedelta(minutes=1))
    await request(endpoints[0], 1)
    assert await jobs() == 4


async def test_redeliveries_of_a_tenant_are_limited(tenant: Tenant) -> None:
    """Requests for one delivery and for all failed ones count together."""
    path, body = f"/{new_id()}", {"since": "2026-01-01T00:00:00Z"}
    routes = (f"{path}/redeliver", f"{path}/deliveries/{new_id()}/redeliver")
    statuses: list[int] = []
    while len(statuses) < 600 and (not statuses or statuses[-1] == 404):  # some are permitted again meanwhile
        statuses.append((await tenant.request("POST", routes[len(statuses) % 2], body)).status_code)
    assert statuses[300:] and statuses[:300] == [404] * 300
    limited = await tenant.request("POST", routes[0], body)
    assert statuses[-1] == limited.status_code == 429, "the limit is not reached, or not shared"
    assert limited.json()["violated_policies"] == ["webhook-redeliveries-per-tenant"]


async def test_a_job_that_runs_before_its_time_is_followed_by_another(tenant: Tenant) -> None:
    """As after a step back of the clock: its key is that of the time of the delivery, and stays
    taken while it runs.
    """
    await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    later = "update webhook_deliveries set next_attempt_at = now() + interval '1 hour' returning 1"
    await tenant.service.rows(tenant.id, f"with changed as ({later}) select 1")
    await tenant.run_due_jobs()
    for _ in range(3):
        early = f"update jobs set run_at = now() where {_WAITING} returning 1"
        await tenant.service.rows(tenant.id, f"with changed as ({early}) select 1")
        await tenant.run_due_jobs()
        [count] = await tenant.service.rows(tenant.id, f"select count(*) as waiting from jobs where {_WAITING}")
        assert count["waiting"] in (1, 2), "no job waits, or their number grows"
    assert not tenant.receiver.received
