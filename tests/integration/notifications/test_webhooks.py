"""Webhooks on the real service, its database and a receiver: once, in order, signed, and without
effect on others.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.responses import Response

from infra.demo.webhook_story import ReceivedWebhook
from services.notifications.jobs.webhooks import AFTER_ANSWERS
from tests.integration.notifications.service import NotificationsService
from tests.integration.notifications.webhooks import Receiver, Tenant
from waypost.kernel.ids import new_id
from waypost.native.ports import free_ports
from waypost.testing.http import serving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with serving(receiver.app()) as receiver.url:
        yield receiver


@pytest.fixture
def tenant(notifications: NotificationsService, http: httpx.AsyncClient, receiver: Receiver) -> Tenant:
    return Tenant(notifications, http, receiver)


async def test_an_event_arrives_signed_and_once(tenant: Tenant, receiver: Receiver) -> None:
    early = tenant.finalized()
    early = early._replace(occurred_at=early.occurred_at - timedelta(minutes=2))
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    finalized = tenant.finalized()
    await tenant.happen(early, finalized, finalized, tenant.paid(finalized.aggregate_id, 2))
    await tenant.run_due_jobs()
    assert receiver.events == [("a", str(finalized.aggregate_id), version) for version in (1, 2)]
    for head, body in receiver.received:
        assert ReceivedWebhook(head, body).is_signed_with(endpoint["secret"])
        assert not ReceivedWebhook(head, body).is_signed_with("whsec_AAAA")
    log = await tenant.deliveries(endpoint)
    assert [(each["status"], each["attempts"], each["last_status_code"]) for each in log] == [("delivered", 1, 204)] * 2
    assert [each["delivery_id"] for each in log] == [head["webhook-id"] for head, _ in receiver.received]
    shown = await tenant.request("GET", f"/{endpoint['endpoint_id']}/deliveries/{log[0]['delivery_id']}")
    assert shown.json()["body"].encode() == receiver.received[0][1]
    await tenant.after(seconds=130)
    await tenant.service.run_jobs(tenant.id)  # nothing is left behind


async def test_a_failing_delivery_holds_only_the_later_ones_of_its_object(tenant: Tenant, receiver: Receiver) -> None:
    broken, well = new_id(), new_id()
    refuses = True
    receiver.answer = lambda event: Response(
        status_code=503 if refuses and event["data"]["id"] == str(broken) else 200, headers={"retry-after": "240"}
    )
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    await tenant.happen(tenant.finalized(broken), tenant.paid(broken, 2), tenant.finalized(well), tenant.paid(well, 2))
    await tenant.run_due_jobs()
    assert sorted(receiver.events) == sorted([("a", str(broken), 1), ("a", str(well), 1), ("a", str(well), 2)])
    await tenant.happen(tenant.paid(broken, 3))  # its job finds version 1 still waiting
    await tenant.after(seconds=200)
    assert len(receiver.events) == 3, "Retry-After was ignored"
    refuses = False
    await tenant.after(seconds=60)
    assert receiver.events[3:] == [("a", str(broken), version) for version in (1, 2, 3)]
    [first, *_] = await tenant.deliveries(endpoint)
    assert (first["status"], first["attempts"], first["last_failure"]) == ("delivered", 2, None)


async def test_a_crash_after_the_answer_repeats_the_request_in_order(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    invoice_id = new_id()
    await tenant.happen(tenant.finalized(invoice_id), tenant.paid(invoice_id, 2))
    AFTER_ANSWERS.arm("raise")
    await tenant.run_due_jobs()
    assert receiver.events == [("a", str(invoice_id), 1)], "another job sent although the lease was held"
    [first, _] = await tenant.deliveries(endpoint)
    assert (first["status"], first["attempts"], first["last_failure"]) == ("pending", 1, "interrupted")
    await tenant.after(seconds=20)
    assert len(receiver.events) == 1, "the lease of the interrupted job was not respected"
    await tenant.after(seconds=110)
    assert receiver.events == [("a", str(invoice_id), version) for version in (1, 1, 2)]
    ids = [head["webhook-id"] for head, _ in receiver.received]
    assert ids[0] == ids[1] != ids[2]


async def test_an_endpoint_that_is_down_is_paused_and_takes_no_slot_of_others(
    tenant: Tenant, receiver: Receiver
) -> None:
    [port] = free_ports(1)
    dead = await tenant.endpoint(url=f"http://127.0.0.1:{port}/")
    alive = await tenant.endpoint(name="alive")
    for _ in range(4):
        await tenant.happen(tenant.finalized())
    await tenant.run_due_jobs()
    assert {name for name, *_ in receiver.events} == {"alive"} and len(receiver.events) == 4
    log = await tenant.deliveries(dead)
    assert {each["last_failure"] for each in log} == {"no_connection"}
    await tenant.after(seconds=10)
    await tenant.after(seconds=1)
    waiting = await tenant.service.rows(tenant.id, "select name from jobs")
    assert "send_unanswered_webhooks" in {row["name"] for row in waiting}
    [row] = await tenant.service.rows(
        tenant.id, "select unanswered, resume_at, lease from webhook_endpoints where failing_since is not null"
    )
    assert row["unanswered"] >= 3 and row["resume_at"] > tenant.service.clock.now() and row["lease"] is None
    assert (await tenant.shown(alive))["failing_since"] is None


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "failing"])
async def test_an_endpoint_that_is_gone_or_fails_for_days_is_disabled(
    tenant: Tenant, receiver: Receiver, notifications: NotificationsService, is_gone: bool
) -> None:
    owner = tenant.admin
    await notifications.know(owner)
    await notifications.deliver(_owned(owner, notifications), to="principals")
    receiver.answer = lambda event: Response(status_code=410 if is_gone else 500)
    endpoint = await tenant.endpoint()
    await tenant.happen(tenant.finalized())
    await tenant.run_due_jobs()
    if not is_gone:
        await notifications.rows(
            tenant.id,
            "with changed as (update webhook_endpoints set failing_since = failing_since - interval '5 days' returning 1)"
            ", again as (update webhook_deliveries set failures = 4 returning 1) select 1",
        )
        assert (await tenant.shown(endpoint))["enabled"]
        await tenant.after(days=1)
    shown = await tenant.shown(endpoint)
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone" if is_gone else "failing")
    mails = await notifications.mails(owner)
    assert [mail["subject"] for mail in mails] == ["A webhook endpoint was disabled"]
    assert endpoint["endpoint_id"] in mails[0]["text"]

    requests = len(receiver.events)
    await tenant.happen(tenant.finalized())
    for path, body in (("/test", None), ("/redeliver", {"since": "2026-01-01T00:00:00Z"})):
        refused = await tenant.request("POST", f"/{endpoint['endpoint_id']}{path}", body)
        assert refused.status_code == 409, refused.text
    await tenant.after(days=1)
    assert len(receiver.events) == requests
    receiver.answer = lambda event: Response(status_code=200)
    enabled = await tenant.request("PATCH", f"/{endpoint['endpoint_id']}", {"enabled": True})
    assert (enabled.json()["enabled"], enabled.json()["disabled_reason"]) == (True, None)
    if not is_gone:  # its delivery waited
        await tenant.after(days=1)
        assert len(receiver.events) == requests + 1
    changes = (await tenant.request("GET", f"/{endpoint['endpoint_id']}/changes")).json()["data"]
    assert [(each["change"].partition(":")[0], each["actor_id"] is None) for each in changes] == [
        ("created", False),
        ("disabled", True),
        ("enabled", False),
    ]


async def test_a_delivery_is_given_up_after_days_and_sent_again_on_request(tenant: Tenant, receiver: Receiver) -> None:
    receiver.answer = lambda event: Response(status_code=500)
    endpoint = await tenant.endpoint("invoice.finalized", "invoice.paid")
    invoice_id = new_id()
    await tenant.happen(tenant.finalized(invoice_id), tenant.paid(invoice_id, 2))
    await tenant.run_due_jobs()
    await tenant.service.rows(
        tenant.id, "with last as (update webhook_deliveries set failures = 11 where failures = 1 returning 1) select 1"
    )
    await tenant.after(seconds=10)
    assert [(each["object_version"], each["status"]) for each in await tenant.deliveries(endpoint)] == [
        (1, "failed"),
        (2, "pending"),
    ]
    receiver.answer = lambda event: Response(status_code=200)
    path = f"/{endpoint['endpoint_id']}"
    again = await tenant.request("POST", f"{path}/redeliver", {"since": "2026-01-01T00:00:00Z"})
    assert again.status_code == 202
    await tenant.after(seconds=10)
    log = await tenant.deliveries(endpoint)
    assert [each["status"] for each in log] == ["delivered"] * 2
    one = await tenant.request("POST", f"{path}/deliveries/{log[0]['delivery_id']}/redeliver")
    assert (one.status_code, one.json()["status"]) == (202, "pending")
    await tenant.run_due_jobs()
    ids = [head["webhook-id"] for head, _ in receiver.received]
    assert ids.count(log[0]["delivery_id"]) == 4  # twice failed, twice delivered
    assert (await tenant.request("POST", f"{path}/deliveries/{new_id()}/redeliver")).status_code == 404


async def test_a_rotation_signs_with_both_secrets_until_the_overlap_ends(tenant: Tenant, receiver: Receiver) -> None:
    endpoint = await tenant.endpoint()
    path = f"/{endpoint['endpoint_id']}"

    async def signed_with(*secrets: str) -> list[bool]:
        assert (await tenant.request("POST", f"{path}/test")).status_code == 202
        await tenant.run_due_jobs()
        head, body = receiver.received[-1]
        return [ReceivedWebhook(head, body).is_signed_with(secret) for secret in secrets]

    rotated = (await tenant.request("POST", f"{path}/rotate-secret", {"overlap_seconds": 60})).json()
    assert rotated["earlier_secrets_valid_until"] == (await tenant.shown(endpoint))["earlier_secrets_valid_until"]
    assert await signed_with(endpoint["secret"], rotated["secret"]) == [True, True]
    newest = (await tenant.request("POST", f"{path}/rotate-secret", {"overlap_seconds": 60})).json()
    too_many = await tenant.request("POST", f"{path}/rotate-secret")
    assert too_many.status_code == 429 and int(too_many.headers["retry-after"]) <= 60
    assert await signed_with(endpoint["secret"], newest["secret"]) == [True, True]
    leaked = (await tenant.request("POST", f"{path}/rotate-secret", {"overlap_seconds": 0})).json()
    assert leaked["earlier_secrets_valid_until"] is None
    assert await signed_with(newest["secret"], rotated["secret"], leaked["secret"]) == [False, False, True]
    for secret in (endpoint["secret"], leaked["secret"]):
        assert not await _is_stored(tenant, secret.removeprefix("whsec_"))


async def test_the_limits_of_a_tenant_hold(tenant: Tenant, receiver: Receiver) -> None:
    endpoints = [await tenant.endpoint() for _ in range(10)]
    refused = await tenant.request("POST", "", {"url": f"{receiver.url}/hooks/a", "event_types": ["user.created"]})
    assert (refused.status_code, "at most 10" in refused.text) == (409, True)
    path = f"/{endpoints[0]['endpoint_id']}"
    answers = [(await tenant.request("POST", f"{path}/test")).status_code for _ in range(11)]
    assert answers == [202] * 10 + [429]
    stale = await tenant.request("PATCH", path, {"enabled": False}, **{"If-Match": '"7"'})
    assert stale.status_code == 412
    assert (await tenant.request("DELETE", path)).status_code == 204
    await tenant.run_due_jobs()
    assert (await tenant.request("GET", path)).status_code == 404
    for table in ("webhook_deliveries", "webhook_secrets"):
        query = f"select 1 from {table} where endpoint_id = :endpoint"
        assert await tenant.service.rows(tenant.id, query, endpoint=UUID(endpoints[0]["endpoint_id"])) == []
    await tenant.endpoint()


async def _is_stored(tenant: Tenant, text: str) -> bool:
    tables = await tenant.service.row_counts(tenant.id)
    for table in tables.keys() - {"outbox"}:
        query = f"select 1 from {table} as each where to_jsonb(each)::text like :text"
        if await tenant.service.rows(tenant.id, query, text=f"%{text}%"):
            return True
    return False


def _owned(owner: Any, notifications: NotificationsService) -> Any:
    created = owner.created(notifications.clock.now())
    return created._replace(event=replace(created.event, role="owner"))
