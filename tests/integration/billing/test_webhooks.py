"""The provider's webhooks are accepted only with a valid signature."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from infra.simulators.payments.webhooks import SIGNATURE_HEADER, signature
from services.billing.app import SERVICE
from services.billing.ports import ChargeOrder, Succeeded
from tests.integration.billing.service import NO_TIME, BillingService, Company
from tests.integration.infra.webhooks import SECRET
from waypost.kernel.money import Money


async def send_webhook(
    billing: BillingService, event: dict[str, Any], *, secret: str = SECRET, age: timedelta = NO_TIME
) -> httpx.Response:
    body = json.dumps(event)
    at = int((billing.runtime.clock.now() - age).timestamp())
    headers = {SIGNATURE_HEADER: signature(secret, at, body), "content-type": "application/json"}
    return await billing.http.post("/webhooks/payments", content=body, headers=headers)


async def charged_at_the_provider(
    company: Company, invoice_id: str, card: str = "pm_card_visa"
) -> tuple[UUID, dict[str, Any]]:
    """The job sent the order and the provider decided, but the response was lost: only the webhook
    remains.
    """
    attempt_id = await company.begin_charge(invoice_id)
    order = ChargeOrder(
        idempotency_key=f"inv-{invoice_id}",
        amount=Money(24_690, "EUR"),
        tenant_id=company.tenant_id,
        invoice_id=UUID(invoice_id),
        attempt_id=attempt_id,
        token=card,
    )
    async with SERVICE.job_resources() as resources:
        await resources.payments.execute(order)
    events = (await company.billing.payments.get("/v1/events")).json()["data"]
    return attempt_id, events[-1]


async def test_a_webhook_of_a_payment_is_recorded_once(billing: BillingService, company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id, event = await charged_at_the_provider(company, invoice_id)
    assert event["type"] == "charge.succeeded"
    for _ in range(2):
        assert (await send_webhook(billing, event)).status_code == 204
    await company.decide(attempt_id, Succeeded(provider_id=event["data"]["object"]["id"]))
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "paid"
    assert (await company.event_types(invoice_id))[3:] == ["invoice.paid"]


async def test_a_webhook_of_a_decline_is_recorded(billing: BillingService, company: Company) -> None:
    invoice_id = await company.finalized()
    _, event = await charged_at_the_provider(company, invoice_id, "pm_card_declined")
    assert (await send_webhook(billing, event)).status_code == 204
    invoice = await company.get(f"/invoices/{invoice_id}")
    assert (invoice["status"], invoice["last_failure"]) == ("open", "card_declined")


@pytest.mark.parametrize(
    "forgery", [{"secret": "not the provider's secret"}, {"age": timedelta(hours=1)}, {"age": -timedelta(hours=1)}]
)
async def test_a_forged_or_old_webhook_changes_nothing(
    billing: BillingService, company: Company, forgery: dict[str, Any]
) -> None:
    invoice_id = await company.finalized()
    _, event = await charged_at_the_provider(company, invoice_id)
    answer = await send_webhook(billing, event, **forgery)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["type"] == "urn:waypost:problem:webhook-not-authentic"
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "open"


@pytest.mark.parametrize("signed", [None, "", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=é", "nonsense"])
async def test_a_webhook_without_a_signature_is_refused(billing: BillingService, signed: str | None) -> None:
    headers = [] if signed is None else [(SIGNATURE_HEADER.encode(), signed.encode())]
    answer = await billing.http.post("/webhooks/payments", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_an_unrelated_webhook_is_accepted_and_ignored(billing: BillingService, company: Company) -> None:
    invoice_id = await company.finalized()
    _, event = await charged_at_the_provider(company, invoice_id)
    charge = event["data"]["object"]
    unrelated = [
        event | {"type": "payout.created"},
        event | {"data": {"object": charge | {"metadata": {}}}},
        event | {"data": {"object": charge | {"metadata": charge["metadata"] | {"attempt_id": str(uuid4())}}}},
        event | {"data": {"object": charge | {"metadata": charge["metadata"] | {"tenant_id": str(uuid4())}}}},
    ]
    for notice in unrelated:
        assert (await send_webhook(billing, notice)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "open"
