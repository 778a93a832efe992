"""Work without a request: lost jobs are replaced, old rows deleted, secrets sealed again, and the
endpoints of a closed tenant deleted.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from nacl.public import PrivateKey

from infra.stack.keys import Keys
from schemas.users import TenantClosed
from services.notifications.adapters.sealed_box import SealedBoxOpener, SealedBoxSealer, sealing_keys
from services.notifications.handlers.webhook_attempts import claim
from services.notifications.handlers.webhook_results import settle
from services.notifications.jobs import webhook_upkeep
from services.notifications.jobs.webhook_upkeep import reseal_webhook_secrets
from services.notifications.ports import MailResources, WebhookAnswer, WebhookFailure
from tests.integration.notifications.service import NotificationsService
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.jobs.context import JobContext
from waypost.kernel.errors import Permanent, Unavailable
from waypost.kernel.ids import new_id
from waypost.testing.database import connected
from waypost.testing.envelopes import envelope_of
from waypost.testing.http import serving


@pytest.fixture
async def tenant(notifications: NotificationsService, http: httpx.AsyncClient) -> AsyncIterator[Tenant]:
    receiver = Receiver()
    async with serving(receiver.app()) as receiver.url:
        tenant = Tenant(notifications, http, receiver)
        await notifications.know(tenant.admin)
        yield tenant


async def test_a_lost_job_is_replaced_by_the_sweep(tenant: Tenant) -> None:
    await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    async with connected(tenant.service.where.owner) as owner:
        await owner.execute("delete from jobs where tenant_id = $1", tenant.id)
    scheduler = tenant.service.scheduler()
    for _ in range(2):
        await scheduler.tick()
        await tenant.service.pass_time(timedelta(minutes=5))
    await tenant.run_due_jobs()
    assert len(tenant.receiver.received) == 1


async def test_a_secret_with_an_unknown_key_waits_without_using_attempts(tenant: Tenant, keys: Keys) -> None:
    endpoint = await tenant.endpoint()
    rows, tenant_id = tenant.service.rows, tenant.id
    [row] = await rows(tenant_id, "select sealing_key_id from webhook_secrets")
    change = "with changed as (update webhook_secrets set sealing_key_id = :key returning 1) select 1"
    await rows(tenant_id, change, key="newer")
    await tenant.happen(tenant.finalized())
    await tenant.run_due_jobs()
    [job] = await rows(tenant_id, "select status, attempts, error from jobs where name = 'send_webhooks'")
    assert (job["status"], job["attempts"]) == ("queued", 0) and "unknown sealing key newer" in job["error"]
    [delivery] = await tenant.deliveries(endpoint)
    assert (delivery["status"], delivery["attempts"]) == ("pending", 0)
    newest = {"newest": PrivateKey.generate(), **sealing_keys(keys.of("notifications"))}
    resealing = _resealing(tenant, newest)
    with pytest.raises(Unavailable, match="unknown sealing key newer"):
        await reseal_webhook_secrets(resealing)
    await rows(tenant_id, change, key=row["sealing_key_id"])
    await tenant.after(minutes=2)
    assert len(tenant.receiver.received) == 1


async def test_an_answer_of_an_earlier_url_does_not_disable_the_endpoint(tenant: Tenant, keys: Keys) -> None:
    endpoint = await tenant.endpoint(name="old")
    at, lease = tenant.service.clock.now(), new_id()
    await tenant.happen(tenant.finalized())
    async with tenant.service.unit_of_work(tenant.id) as uow:
        batch = await claim(UUID(endpoint["endpoint_id"]), lease, at + timedelta(seconds=1), uow, opener_of(keys))
    assert batch is not None
    await tenant.request("PATCH", f"/{endpoint['endpoint_id']}", {"url": f"{tenant.receiver.url}/hooks/new"})
    gone = WebhookAnswer(failure=WebhookFailure.STATUS, status_code=410)
    async with tenant.service.unit_of_work(tenant.id) as uow:
        await settle(batch, lease, [(each, gone) for each in batch.deliveries], at, uow)
    assert (await tenant.shown(endpoint))["enabled"]
    await tenant.after(seconds=130)
    assert [name for name, *_ in tenant.receiver.events] == ["new"]


async def test_a_replay_sends_nothing_from_before_the_subscription_or_the_enabling(tenant: Tenant) -> None:
    endpoint = await tenant.endpoint("invoice.paid")
    path = f"/{endpoint['endpoint_id']}"
    first = tenant.finalized()
    await tenant.service.pass_time(timedelta(minutes=5))
    both = {"event_types": ["invoice.paid", "invoice.finalized"]}
    await tenant.request("PATCH", path, both)
    paid = tenant.paid(first.aggregate_id, 2)
    await tenant.happen(first, paid)
    assert [each["event_type"] for each in await tenant.deliveries(endpoint)] == ["invoice.paid"]
    await tenant.request("PATCH", path, {"enabled": False})
    while_disabled = tenant.finalized()
    await tenant.service.pass_time(timedelta(minutes=5))
    await tenant.request("PATCH", path, {"enabled": True})
    await tenant.happen(first, paid, while_disabled, tenant.paid(while_disabled.aggregate_id, 2))
    await tenant.run_due_jobs()
    assert [version for _, _, version in tenant.receiver.events] == [2, 2]


async def test_a_replay_sends_no_version_behind_a_later_one(tenant: Tenant) -> None:
    await tenant.endpoint("invoice.paid", "invoice.finalized")
    first = tenant.finalized()
    await tenant.happen(tenant.paid(first.aggregate_id, 2), first)
    await tenant.run_due_jobs()
    assert [version for _, _, version in tenant.receiver.events] == [2]


async def test_old_rows_are_deleted_and_the_log_of_a_month_stays(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_upkeep, "PAGE", 1)
    monkeypatch.setattr(webhook_upkeep, "PAGES", 1)
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized(), tenant.finalized(), tenant.finalized())
    await tenant.run_due_jobs()
    await tenant.request("POST", f"/{endpoint['endpoint_id']}/rotate-secret", {"overlap_seconds": 60})
    counts = await _after_pruning(tenant, timedelta(days=29))
    assert counts == {"webhook_deliveries": 3, "webhook_changes": 2, "webhook_secrets": 1}
    counts = await _after_pruning(tenant, timedelta(days=2))
    assert counts == {"webhook_deliveries": 0, "webhook_changes": 2, "webhook_secrets": 1}
    counts = await _after_pruning(tenant, timedelta(days=340))
    assert counts == {"webhook_deliveries": 0, "webhook_changes": 0, "webhook_secrets": 1}


async def test_an_event_that_is_older_than_the_log_is_not_sent_again_by_a_replay(tenant: Tenant) -> None:
    endpoint = await tenant.endpoint()
    old = tenant.finalized()
    await tenant.service.rows(
        tenant.id,
        "with moved as (update webhook_endpoints set subscribed_since = :since returning 1) select 1",
        since='{"invoice.finalized": "2020-01-01T00:00:00+00:00"}',
    )
    await tenant.happen(old._replace(occurred_at=old.occurred_at - timedelta(days=31)))
    assert await tenant.deliveries(endpoint) == []
    await tenant.happen(old._replace(occurred_at=old.occurred_at - timedelta(days=29)))
    assert len(await tenant.deliveries(endpoint)) == 1


async def test_a_secret_is_sealed_again_with_the_newest_key(tenant: Tenant, keys: Keys) -> None:
    endpoint = await tenant.endpoint()
    earlier, newest = dict(sealing_keys(keys.of("notifications"))), {"newest": PrivateKey.generate()}
    both = {**newest, **earlier}
    job = _resealing(tenant, both)
    assert [await reseal_webhook_secrets(job) for _ in range(2)] == [1, 0]
    [row] = await tenant.service.rows(tenant.id, "select sealing_key_id, sealed from webhook_secrets")
    assert SealedBoxOpener(newest).open(row["sealing_key_id"], row["sealed"]) == endpoint["secret"]
    with pytest.raises(Permanent):
        SealedBoxOpener(earlier).open(row["sealing_key_id"], row["sealed"])


async def test_a_closed_tenant_has_no_endpoints(tenant: Tenant) -> None:
    await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    closed = envelope_of(
        TenantClosed(tenant_id=tenant.id, reason="requested", closed_at=tenant.service.clock.now()), tenant.id, 2
    )
    await tenant.happen(closed)
    await tenant.run_due_jobs()
    assert tenant.receiver.received == []
    assert await _counts(tenant) == {"webhook_deliveries": 0, "webhook_changes": 2, "webhook_secrets": 0}
    await tenant.endpoint()  # in the moment of the closing
    await tenant.service.deliver(closed, to="tenants")
    await _after_pruning(tenant, timedelta())
    assert (await tenant.service.row_counts(tenant.id))["webhook_endpoints"] == 0


def _resealing(tenant: Tenant, keys: Mapping[str, PrivateKey]) -> JobContext[MailResources]:
    resources = SimpleNamespace(opener=SealedBoxOpener(keys), sealer=SealedBoxSealer(keys))

    def begin() -> Any:
        return tenant.service.unit_of_work(tenant.id)

    return cast(JobContext[MailResources], SimpleNamespace(resources=resources, begin=begin))


def opener_of(keys: Keys) -> SealedBoxOpener:
    return SealedBoxOpener(sealing_keys(keys.of("notifications")))


async def _after_pruning(tenant: Tenant, passed: timedelta) -> dict[str, int]:
    await tenant.service.pass_time(passed)
    async with tenant.service.unit_of_work(tenant.id) as uow:
        await uow.jobs.enqueue("prune_webhooks")
    await tenant.run_due_jobs()
    return await _counts(tenant)


async def _counts(tenant: Tenant) -> dict[str, int]:
    counts = await tenant.service.row_counts(tenant.id)
    return {name: counts[name] for name in ("webhook_deliveries", "webhook_changes", "webhook_secrets")}
