"""Subscriptions over HTTP: created with an invoice, changed and canceled."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.billing.ports import Declined, Succeeded
from services.billing.settings import PLANS
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import history, invoices_of, seen, subscribed


async def test_plans_are_listed_as_they_are_declared(company: Company) -> None:
    assert await company.get("/plans") == [
        {
            "code": item.code,
            "interval": item.interval,
            "amount_minor": item.amount_minor,
            "currency": item.currency,
            "trial_days": item.trial_days,
        }
        for item in PLANS
    ]


async def test_a_subscription_begins_with_the_invoice_of_its_first_period(company: Company) -> None:
    answer = await company.post("/subscriptions", {"customer_id": str(company.customer_id), "plan": "starter"})
    made = answer.json()
    path = f"/subscriptions/{made['id']}"
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, path, '"1"')
    assert (made["status"], made["plan"]["code"], made["next_plan"], made["ends_at"]) == (
        "active",
        "starter",
        None,
        None,
    )
    assert await company.get(path) == made

    [invoice] = await invoices_of(company, made)
    assert (invoice["id"], invoice["subscription_id"]) == (made["invoice_id"], made["id"])
    assert (invoice["status"], invoice["number"], invoice["total_minor"]) == ("open", 1, 1_900)
    [line] = (await company.get(f"/invoices/{invoice['id']}"))["lines"]
    assert line["description"] == f"starter, {made['period_start'][:10]} to {made['period_end'][:10]}"
    [job] = await company.rows("select name, idempotency_key from jobs")
    assert job == {"name": "charge_invoice", "idempotency_key": f"inv-{invoice['id']}"}


async def test_subscribing_is_atomic(company: Company) -> None:
    before = await company.row_counts()
    body = {"customer_id": str(company.customer_id), "plan": "starter"}
    async with company.billing.refusing_inserts("outbox"):
        assert (await company.post("/subscriptions", body)).status_code == 500
    assert await company.row_counts() == before
    assert (await company.get("/subscriptions"))["data"] == []


async def test_repeated_requests_subscribe_and_change_once(company: Company) -> None:
    body = {"customer_id": str(company.customer_id), "plan": "starter"}
    first, second = [await company.post("/subscriptions", body, idempotency_key="one-plan") for _ in range(2)]
    assert first.json() == second.json() and second.headers["idempotent-replayed"] == "true"
    path = f"/subscriptions/{first.json()['id']}"
    for act, sent in (("change", {"plan": "team"}), ("cancel", None)):
        answers = [await company.post(f"{path}/{act}", sent, idempotency_key="once-and-again") for _ in range(2)]
        assert answers[0].status_code == 200, answers[0].text
        assert answers[0].json() == answers[1].json()
    assert await history(company, first.json()) == [
        "subscription.created",
        "subscription.plan_changed",
        "subscription.cancellation_scheduled",
    ]
    assert len(await company.rows("select 1 from invoices")) == 1
    other = await company.post("/subscriptions", {**body, "plan": "team"}, idempotency_key="one-plan")
    assert other.status_code == 422


async def test_the_next_plan_is_shown_beside_the_current_one(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    changed = (await company.post(f"{path}/change", {"plan": "team-yearly"})).json()
    assert (changed["plan"]["code"], changed["next_plan"]["code"]) == ("starter", "team-yearly")
    assert await seen(company, subscription) == changed
    again = await company.post(f"{path}/change", {"plan": "team-yearly"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:waypost:problem:plan-unchanged")
    assert len(await invoices_of(company, subscription)) == 1, "nothing is charged before"


@pytest.mark.parametrize("when", ["period_end", "now"])
async def test_a_canceled_subscription_ends_at_the_requested_time(company: Company, when: str) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    await company.post(f"{path}/change", {"plan": "team"})
    canceled = (await company.post(f"{path}/cancel", {"at": when})).json()
    at_period_end = when == "period_end"
    assert (canceled["status"], canceled["next_plan"]) == ("active" if at_period_end else "canceled", None)
    assert canceled["cancel_at"] == (subscription["period_end"] if at_period_end else None)
    assert (canceled["ends_at"] is None) is at_period_end
    assert await seen(company, subscription) == canceled
    for act, body in (("cancel", {"at": when}), ("change", {"plan": "team-yearly"})):
        answer = await company.post(f"{path}/{act}", body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:waypost:problem:already-canceled"), act
    sooner = await company.post(f"{path}/cancel", {"at": "now"})
    assert sooner.status_code == (200 if when == "period_end" else 409)
    [invoice] = await invoices_of(company, subscription)
    assert invoice["status"] == "open", "the invoice remains open"


async def test_a_cancellation_is_taken_back_with_its_change(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    unneeded = await company.post(f"{path}/uncancel")
    assert (unneeded.status_code, unneeded.json()["type"]) == (409, "urn:waypost:problem:not-canceled")
    changed = (await company.post(f"{path}/change", {"plan": "team"})).json()
    await company.post(f"{path}/cancel")
    assert (await company.post(f"{path}/uncancel", if_match='"2"')).status_code == 412
    back = await company.post(f"{path}/uncancel", if_match='"3"')
    assert back.status_code == 200
    assert back.json() == {**changed, "version": 4} == await seen(company, subscription)
    assert (await company.post(f"{path}/cancel", {"at": "now"})).status_code == 200
    final = await company.post(f"{path}/uncancel")
    assert (final.status_code, final.json()["type"]) == (409, "urn:waypost:problem:already-canceled")


async def test_a_stale_if_match_changes_nothing(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    await company.post(f"{path}/change", {"plan": "team"}, if_match='"1"')
    for act, body in (("change", {"plan": "team-yearly"}), ("cancel", {})):
        assert (await company.post(f"{path}/{act}", body, if_match='"1"')).status_code == 412, act
    assert (await company.post(f"{path}/cancel", {}, if_match='"2"')).status_code == 200


async def test_one_of_concurrent_cancellations_succeeds(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}/cancel"
    answers = await asyncio.gather(*(company.post(path, {}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert (await seen(company, subscription))["version"] == 2


async def test_a_subscription_needs_a_card(billing: BillingService) -> None:
    company = await billing.company()
    body = {"customer_id": str(company.customer_id), "plan": "starter"}
    refused = await company.post("/subscriptions", body)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:waypost:problem:no-payment-method")
    assert (await company.post("/subscriptions", body | {"customer_id": str(uuid4())})).status_code == 404


async def test_subscriptions_are_listed_newest_first_and_filtered(company: Company) -> None:
    made = [await subscribed(company, plan) for plan in ("starter", "team", "team-yearly")]
    await company.post(f"/subscriptions/{made[0]['id']}/cancel")
    await company.post(f"/subscriptions/{made[1]['id']}/cancel", {"at": "now"})
    pages = [await company.get("/subscriptions", limit=2)]
    pages.append(await company.get("/subscriptions", limit=2, cursor=pages[0]["next_cursor"]))
    assert [item["id"] for page in pages for item in page["data"]] == [item["id"] for item in made[::-1]]
    [canceled] = (await company.get("/subscriptions", status="canceled"))["data"]
    assert canceled["id"] == made[1]["id"]
    assert (await company.get("/subscriptions", customer_id=str(uuid4())))["data"] == []


async def test_a_body_of_another_shape_is_refused(company: Company) -> None:
    new: dict[str, Any] = {"customer_id": str(company.customer_id), "plan": "starter"}
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    news: list[Any] = [None, [], {}, new | {"amount_minor": 1}, new | {"period_end": "2027-01-01"}]
    cancellations: list[Any] = [{"at": "2027-01-01"}, {"at": None}, {"reason": "erased"}, []]
    bad = [
        *(("/subscriptions", new | {"customer_id": item}) for item in ("x", None, 1)),
        *(("/subscriptions", item) for item in news),
        *((f"{path}/cancel", item) for item in cancellations),
    ]
    for plan in ("gold", "", "STARTER", "../x", "a\0b", "starter\n", "x" * 10_001, None, 1, ["starter"]):
        bad += [("/subscriptions", new | {"plan": plan}), (f"{path}/change", {"plan": plan})]
    for where, body in bad:
        answer = await company.post(where, body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (where, body)
    for where in (
        "/subscriptions/x",
        "/subscriptions/x/events",
        "/subscriptions?status=open",
        "/subscriptions?cursor=x",
    ):
        assert (await company.billing.http.get(where, headers=company.headers())).status_code in (400, 422), where
    assert await history(company, subscription) == ["subscription.created"]
    assert len(await company.rows("select 1 from subscriptions")) == 1


async def test_a_subscription_is_incomplete_until_its_first_payment(company: Company) -> None:
    subscription = await subscribed(company)
    invoice_id = subscription["invoice_id"]
    for _ in range(2):
        await company.decide(await company.begin_charge(invoice_id), Declined(reason="card_declined"))
    assert (await seen(company, subscription))["status"] == "incomplete"
    assert [item["id"] for item in (await company.get("/subscriptions", status="incomplete"))["data"]] == [
        subscription["id"]
    ]
    await company.decide(await company.begin_charge(invoice_id), Succeeded(provider_id=f"ch_{invoice_id}"))
    assert await history(company, subscription) == [
        "subscription.created",
        "subscription.past_due",
        "subscription.caught_up",
    ]
    assert {**await seen(company, subscription), "version": 1} == subscription, "the period is the same"


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "not charged yet"])
async def test_a_voided_period_is_not_used(company: Company, refused: bool) -> None:
    subscription = await subscribed(company)
    invoice_id = subscription["invoice_id"]
    if refused:
        await company.decide(await company.begin_charge(invoice_id), Declined(reason="card_declined"))
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    now = await seen(company, subscription)
    assert now["status"] == "canceled" and now["ends_at"] < subscription["period_end"]
    assert (await history(company, subscription))[-1] == "subscription.canceled"
