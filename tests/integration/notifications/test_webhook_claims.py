"""Claims of webhooks: bounded, with their lease given back, and without effect of one endpoint on
others.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import httpx
import pytest

from infra.stack.keys import Keys
from services.notifications.adapters import name_lookup
from services.notifications.adapters.name_lookup import NameLookup
from services.notifications.adapters.sealed_box import SealedBoxOpener, sealing_keys
from services.notifications.domain.webhook_schedule import MAX_FAILURES, RETENTION
from services.notifications.handlers import webhook_heads
from services.notifications.handlers.webhook_attempts import Batch, claim
from services.notifications.handlers.webhook_results import settle
from services.notifications.jobs.webhooks import send_webhooks
from services.notifications.ports import MailResources, WebhookAnswer, WebhookFailure
from tests.integration.notifications.service import NotificationsService
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.jobs.context import JobContext
from waypost.kernel.errors import Transient, Unavailable
from waypost.kernel.ids import new_id
from waypost.testing.http import serving

NO_ANSWER = WebhookAnswer(failure=WebhookFailure.NO_ANSWER)


class Waiting:
    """A sender whose receiver never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def require_ready(self) -> None:
        pass

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator["Waiting"]:
        yield self

    async def send(self, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        self.asked.set()
        await asyncio.Event().wait()
        return NO_ANSWER


@pytest.fixture
async def tenant(notifications: NotificationsService, http: httpx.AsyncClient) -> AsyncIterator[Tenant]:
    receiver = Receiver()
    async with serving(receiver.app()) as receiver.url:
        yield Tenant(notifications, http, receiver)


@pytest.fixture
def opener(keys: Keys) -> SealedBoxOpener:
    return SealedBoxOpener(sealing_keys(keys.of("notifications")))


async def test_deliveries_that_wait_are_set_back_in_parts_and_hold_no_other_object(
    tenant: Tenant, opener: SealedBoxOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_heads, "PART", 2)
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    held, other = new_id(), new_id()
    await tenant.happen(tenant.finalized(held), *(tenant.paid(held, version) for version in range(2, 7)))
    await tenant.happen(tenant.finalized(other))
    await _set(tenant, "next_attempt_at = now() + interval '1 hour'", "object_version = 1 and object_id = :id", id=held)
    await _set(tenant, "next_attempt_at = now() - interval '1 hour'", "object_version > 1")
    first = await _claim(tenant, endpoint, opener)
    assert first is not None and not first.deliveries
    assert await _later(tenant) == 3, "the first part was not set back, or not alone"
    await _free(tenant)
    await tenant.run_due_jobs()
    assert tenant.receiver.events == [("a", str(other), 1)]
    assert await _later(tenant) == 6


async def test_the_end_of_a_head_without_an_answer_makes_the_next_one_due(tenant: Tenant) -> None:
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    given_up, pruned = new_id(), new_id()
    for each in (given_up, pruned):
        await tenant.happen(tenant.finalized(each), tenant.paid(each, 2))
    await _set(tenant, "next_attempt_at = now() + interval '1 hour', failures = 2", "object_version = 2")
    await _set(tenant, "failures = :most", "object_version = 1 and object_id = :id", most=MAX_FAILURES, id=given_up)
    await _set(
        tenant, "next_attempt_at = now() + interval '1 hour'", "object_version = 1 and object_id = :id", id=pruned
    )
    await tenant.run_due_jobs()
    assert tenant.receiver.events == [("a", str(given_up), 2)]
    old = "created_at = now() - make_interval(secs => :age)"
    age = (RETENTION + timedelta(days=1)).total_seconds()
    await _set(tenant, old, "object_version = 1 and object_id = :id", age=age, id=pruned)
    async with tenant.service.unit_of_work(tenant.id) as uow:
        await uow.jobs.enqueue("prune_webhooks")
    await tenant.run_due_jobs()
    async with tenant.service.unit_of_work(tenant.id) as uow:
        await uow.jobs.enqueue("send_webhooks", endpoint_id=UUID(endpoint["endpoint_id"]))
    await tenant.run_due_jobs()
    assert tenant.receiver.events[1:] == [("a", str(pruned), 2)]


async def test_an_endpoint_that_answers_slowly_or_not_twice_has_other_slots(
    tenant: Tenant, opener: SealedBoxOpener
) -> None:
    endpoint = await tenant.endpoint()
    path = f"/{endpoint['endpoint_id']}"
    for _ in range(5):
        await tenant.happen(tenant.finalized())
    await _settle(tenant, endpoint, opener, NO_ANSWER)
    await _settle(tenant, endpoint, opener, NO_ANSWER)  # one lost connection moves nothing
    for change in ({"enabled": False}, {"enabled": True}, {"url": f"{tenant.receiver.url}/hooks/new"}):
        await tenant.request("PATCH", path, change)
    assert await _claim(tenant, endpoint, opener, in_slots_of_slow=False) is None, "a change gave the slots back"
    await _settle(tenant, endpoint, opener, WebhookAnswer(status_code=200), in_slots_of_slow=True)
    await _settle(tenant, endpoint, opener, WebhookAnswer(status_code=200), seconds=2.1)
    assert await _claim(tenant, endpoint, opener, in_slots_of_slow=False) is None
    [job] = await tenant.service.rows(tenant.id, "select name from jobs order by id desc limit 1")
    assert job["name"] == "send_unanswered_webhooks"


async def test_a_failure_counts_from_the_time_at_which_deliveries_wait(tenant: Tenant, opener: SealedBoxOpener) -> None:
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    refused = WebhookAnswer(failure=WebhookFailure.STATUS, status_code=500)
    await _settle(tenant, endpoint, opener, refused)
    assert (await tenant.shown(endpoint))["failing_since"] is not None
    await _set(tenant, "failures = :most, next_attempt_at = now()", "true", most=MAX_FAILURES)
    assert await _claim(tenant, endpoint, opener) is not None  # gives it up
    assert await _claim(tenant, endpoint, opener) is None
    assert (await tenant.shown(endpoint))["failing_since"] is None


async def test_a_cancelled_job_gives_its_lease_back(tenant: Tenant, opener: SealedBoxOpener) -> None:
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    sender = Waiting()
    task = asyncio.create_task(send_webhooks(_job(tenant, opener, sender), UUID(endpoint["endpoint_id"])))
    async with asyncio.timeout(20):
        await sender.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [row] = await tenant.service.rows(tenant.id, "select lease, leased_until from webhook_endpoints")
    assert (row["lease"], row["leased_until"]) == (None, None)


async def test_a_fault_of_the_database_gives_the_lease_back(
    tenant: Tenant, opener: SealedBoxOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next attempt of the job would otherwise wait for the end of the lease."""

    async def fail(*_: object) -> None:
        raise Transient("the connection was lost")

    monkeypatch.setattr(Waiting, "send", fail)
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    with pytest.raises(Transient):
        await send_webhooks(_job(tenant, opener, Waiting()), UUID(endpoint["endpoint_id"]))
    [row] = await tenant.service.rows(tenant.id, "select lease, leased_until from webhook_endpoints")
    assert (row["lease"], row["leased_until"]) == (None, None)


async def test_our_own_limit_of_look_ups_does_not_count_against_the_endpoint(
    tenant: Tenant, opener: SealedBoxOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "MAX_RUNNING", 0)
    with pytest.raises(Unavailable, match="look-ups"):
        NameLookup().require_free()
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    await tenant.run_due_jobs()
    [delivery] = await tenant.deliveries(endpoint)
    assert (delivery["status"], delivery["attempts"], tenant.receiver.received) == ("pending", 0, [])
    monkeypatch.setattr(name_lookup, "MAX_RUNNING", 1)
    await tenant.after(minutes=2)
    assert len(tenant.receiver.received) == 1


async def test_changes_of_a_tenant_are_limited(tenant: Tenant) -> None:
    path = f"/{(await tenant.endpoint())['endpoint_id']}"
    answers = [(await tenant.request("PATCH", path, {"enabled": True})).status_code for _ in range(120)]
    assert answers == [200] * 119 + [429]


def _job(tenant: Tenant, opener: SealedBoxOpener, sender: Waiting) -> JobContext[MailResources]:
    resources = SimpleNamespace(opener=opener, webhooks=sender)

    def begin() -> Any:
        return tenant.service.unit_of_work(tenant.id)

    return cast(
        JobContext[MailResources], SimpleNamespace(resources=resources, begin=begin, clock=tenant.service.clock)
    )


async def _claim(
    tenant: Tenant, endpoint: Mapping[str, Any], opener: SealedBoxOpener, *, in_slots_of_slow: bool = True
) -> Batch | None:
    at = tenant.service.clock.now() + timedelta(seconds=1)
    async with tenant.service.unit_of_work(tenant.id) as uow:
        lease, endpoint_id = UUID(int=1), UUID(endpoint["endpoint_id"])
        return await claim(endpoint_id, lease, at, uow, opener, in_slots_of_slow=in_slots_of_slow)


async def _settle(
    tenant: Tenant,
    endpoint: Mapping[str, Any],
    opener: SealedBoxOpener,
    answer: WebhookAnswer,
    *,
    seconds: float = 0.0,
    in_slots_of_slow: bool = False,
) -> None:
    """Claims, and settles all with the same answer."""
    batch = await _claim(tenant, endpoint, opener, in_slots_of_slow=in_slots_of_slow)
    assert batch is not None and batch.deliveries
    async with tenant.service.unit_of_work(tenant.id) as uow:
        at, answers = tenant.service.clock.now(), [(each, answer) for each in batch.deliveries]
        await settle(batch, UUID(int=1), answers, at, uow, seconds=seconds)
    await _set(tenant, "next_attempt_at = now(), status = 'pending'", "true")


async def _set(tenant: Tenant, values: str, condition: str, **parameters: Any) -> None:
    changed = f"update webhook_deliveries set {values} where {condition} returning 1"
    await tenant.service.rows(tenant.id, f"with changed as ({changed}) select 1", **parameters)


async def _free(tenant: Tenant) -> None:
    change = "update webhook_endpoints set lease = null, leased_until = null returning 1"
    await tenant.service.rows(tenant.id, f"with changed as ({change}) select 1")


async def _later(tenant: Tenant) -> int:
    query = "select count(*) as later from webhook_deliveries where next_attempt_at > now() + interval '30 minutes'"
    [row] = await tenant.service.rows(tenant.id, query)
    return int(row["later"])
