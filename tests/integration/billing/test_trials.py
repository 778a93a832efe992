"""Trials: the first period without an invoice, once per customer."""

import asyncio
from typing import Any

import httpx

from services.billing.ports import Succeeded
from tests.integration.billing.decisions import written_off
from tests.integration.billing.renewals import renew
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.billing.subscriptions import history, invoices_of, seen


async def ask_for_trial(company: Company, plan: str = "team") -> httpx.Response:
    body = {"customer_id": str(company.customer_id), "plan": plan, "trial": True}
    return await company.post("/subscriptions", body)


async def trial(company: Company) -> Row:
    answer = await ask_for_trial(company)
    assert answer.status_code == 201, answer.text
    made: Row = answer.json()
    return made


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_a_trial_is_invoiced_when_it_ends(company: Company) -> None:
    made = await trial(company)
    assert (made["status"], made["invoice_id"], made["trial_end"]) == ("trialing", None, made["period_end"])
    assert await seen(company, made) == made
    assert await invoices_of(company, made) == []
    assert await company.rows("select 1 from jobs where name = 'charge_invoice'") == []
    assert not await renew(company, made, made["period_start"]), "it is not due"

    assert await renew(company, made)
    now = await seen(company, made)
    assert (now["status"], now["period_start"], now["trial_end"]) == ("active", made["trial_end"], made["trial_end"])
    [invoice] = await invoices_of(company, made)
    assert (invoice["id"], invoice["total_minor"], invoice["status"]) == (now["invoice_id"], 4_900, "open")
    await company.decide(await company.begin_charge(now["invoice_id"]), Succeeded(provider_id="ch_1"))
    assert await history(company, made) == ["subscription.created", "subscription.renewed"]


async def test_a_trial_that_is_canceled_costs_nothing(company: Company) -> None:
    made = await trial(company)
    path = f"/subscriptions/{made['id']}"
    await company.post(f"{path}/cancel")
    assert (await seen(company, made))["status"] == "trialing"
    assert (await company.post(f"{path}/uncancel")).json()["cancel_at"] is None
    await company.post(f"{path}/cancel")
    assert await renew(company, made)
    now = await seen(company, made)
    assert (now["status"], now["ends_at"], now["invoice_id"]) == ("canceled", made["trial_end"], None)
    assert await company.rows("select 1 from invoices") == []


async def test_a_customer_has_one_trial(company: Company) -> None:
    assert problem(await ask_for_trial(company, "starter")) == (409, "no-trial")
    answers = await asyncio.gather(*(ask_for_trial(company) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    [made] = [answer.json() for answer in answers if answer.is_success]
    await company.post(f"/subscriptions/{made['id']}/cancel", {"at": "now"})
    assert problem(await ask_for_trial(company)) == (409, "trial-used")
    assert len(await company.rows("select 1 from subscriptions")) == 1
    paid = await company.post("/subscriptions", {"customer_id": str(company.customer_id), "plan": "team"})
    assert (paid.status_code, paid.json()["trial_end"]) == (201, None)


async def test_a_trial_needs_a_card(billing: BillingService) -> None:
    assert problem(await ask_for_trial(await billing.company())) == (409, "no-payment-method")


async def test_only_a_boolean_asks_for_a_trial(company: Company) -> None:
    body = {"customer_id": str(company.customer_id), "plan": "team"}
    values: list[Any] = [1, "true", None, []]
    for value in values:
        assert (await company.post("/subscriptions", body | {"trial": value})).status_code == 422, value


async def test_a_debtor_gets_no_trial_and_a_running_one_ends_without_an_invoice(company: Company) -> None:
    made = await trial(company)
    invoice_id = await written_off(company, 500)
    assert problem(await ask_for_trial(company, "starter")) == (409, "customer-in-arrears")
    assert await renew(company, made)
    assert (await seen(company, made))["status"] == "canceled"
    assert await history(company, made) == ["subscription.created", "subscription.canceled"]
    assert await invoices_of(company, made) == []
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    assert problem(await ask_for_trial(company)) == (409, "trial-used")
