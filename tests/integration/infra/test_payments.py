"""Decisions of the provider, and their storage."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.infra.payments import charge, charges, fresh_key, provider, refund


async def test_a_charge_is_answered_and_found_again(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    answer = await charge(payments, "pm_card_visa", key)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["status"], made["amount_minor"], made["currency"]) == ("succeeded", 14_800, "EUR")
    assert made["metadata"] == {"invoice_id": "17"}
    assert await charges(payments, key) == [made]
    assert (await payments.get(f"/v1/charges/{made['id']}")).json() == made


async def test_a_repeated_key_gets_the_same_answer_and_no_second_charge(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    first, second = await charge(payments, "pm_card_visa", key), await charge(payments, "pm_card_visa", key)
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(await charges(payments)) == 1


async def test_a_key_is_compared_by_meaning(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    await charge(payments, "pm_card_visa", key, metadata={"a": "1", "b": "2"})
    same = await charge(payments, "pm_card_visa", key, metadata={"b": "2", "a": "1"})
    assert same.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "change", [{"amount_minor": 1}, {"currency": "USD"}, {"payment_method": "pm_card_slow"}, {"metadata": {}}]
)
async def test_a_key_with_another_body_is_an_error(payments: httpx.AsyncClient, change: dict[str, Any]) -> None:
    key = fresh_key()
    await charge(payments, "pm_card_visa", key)
    answer = await charge(payments, "pm_card_visa", key, **change)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(await charges(payments)) == 1


async def test_a_key_of_a_charge_does_not_fit_a_refund(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    made = (await charge(payments, "pm_card_visa", key)).json()
    answer = await refund(payments, key, charge=made["id"])
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


async def test_concurrent_duplicate_is_refused(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    twins = await asyncio.gather(charge(payments, "pm_card_slow", key), charge(payments, "pm_card_slow", key))
    assert sorted(twin.status_code for twin in twins) == [201, 409]
    assert len(await charges(payments, key)) == 1


async def test_another_key_does_not_wait_for_a_slow_card(payments: httpx.AsyncClient) -> None:
    slow = asyncio.create_task(charge(payments, "pm_card_slow"))
    prompt = asyncio.create_task(charge(payments, "pm_card_visa"))
    done, _ = await asyncio.wait({slow, prompt}, return_when=asyncio.FIRST_COMPLETED)
    assert done == {prompt}
    assert (await slow).status_code == 201


@pytest.mark.parametrize(
    ("card", "code"), [("pm_card_declined", "card_declined"), ("pm_card_insufficient_funds", "insufficient_funds")]
)
async def test_a_decline_is_recorded_and_repeated(payments: httpx.AsyncClient, card: str, code: str) -> None:
    key = fresh_key()
    first, second = await charge(payments, card, key), await charge(payments, card, key)
    [recorded] = await charges(payments, key)
    assert (first.status_code, first.json()["error"]["code"]) == (402, code)
    assert first.json()["error"]["charge"] == recorded["id"]
    assert (recorded["status"], recorded["failure_code"]) == ("failed", code)
    assert (second.status_code, second.json()) == (402, first.json())


async def test_a_silent_provider_has_charged_once(payments: httpx.AsyncClient) -> None:
    key = fresh_key()
    impatient = httpx.Timeout(0.5)
    with pytest.raises(httpx.ReadTimeout):
        await payments.post(
            "/v1/charges",
            json={"amount_minor": 1, "currency": "EUR", "payment_method": "pm_card_timeout_after_charge"},
            headers={"Idempotency-Key": key},
            timeout=impatient,
        )
    [made] = await charges(payments, key)
    again = await charge(payments, "pm_card_timeout_after_charge", key, amount_minor=1, metadata={})
    assert (again.status_code, again.json()) == (201, made)
    assert len(await charges(payments)) == 1


async def test_an_outage_is_over_at_the_second_try_of_each_key(payments: httpx.AsyncClient) -> None:
    for key in (fresh_key(), fresh_key()):
        tries = [await charge(payments, "pm_card_unavailable_once", key) for _ in range(3)]
        assert [attempt.status_code for attempt in tries] == [503, 201, 201]
        assert len(await charges(payments, key)) == 1


async def test_a_key_is_forgotten_after_its_lifetime(tmp_path: Path) -> None:
    async with provider(tmp_path, payments_key_lifetime_seconds=0.000001) as payments:
        key = fresh_key()
        await charge(payments, "pm_card_visa", key)
        await charge(payments, "pm_card_visa", key)
        assert len(await charges(payments, key)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"amount_minor": 1.5},
        {"amount_minor": "100"},
        {"amount_minor": 2**63},
        {"currency": "eur"},
        {"tip": 1},
    ],
)
async def test_an_order_that_breaks_a_rule_charges_nothing(payments: httpx.AsyncClient, change: dict[str, Any]) -> None:
    answer = await charge(payments, "pm_card_visa", **change)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert await charges(payments) == []


async def test_moving_money_takes_a_key(payments: httpx.AsyncClient) -> None:
    order = {"amount_minor": 1, "currency": "EUR", "payment_method": "pm_card_visa"}
    answer = await payments.post("/v1/charges", json=order)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["error"]["message"]


async def test_payment_methods_are_shown_or_unknown(payments: httpx.AsyncClient) -> None:
    known = (await payments.get("/v1/payment_methods/pm_card_visa")).json()
    unknown = await payments.get("/v1/payment_methods/pm_card_nobody")
    assert (known["brand"], known["last4"]) == ("visa", "4242")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "resource_missing")
    assert (await charge(payments, "pm_card_nobody")).status_code == 404


async def test_a_payment_method_belongs_to_the_first_customer(payments: httpx.AsyncClient) -> None:
    made = await payments.post("/v1/payment_methods", json={"card": "pm_card_declined"})
    token = made.json()["id"]
    assert (made.status_code, made.json()["customer"]) == (201, None)
    for _ in range(2):
        attached = await payments.post(f"/v1/payment_methods/{token}/attach", json={"customer": "t/1"})
        assert (attached.status_code, attached.json()) == (200, made.json() | {"customer": "t/1"})
    refused = await payments.post(f"/v1/payment_methods/{token}/attach", json={"customer": "t/2"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "payment_method_taken")
    declined = await charge(payments, token)
    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "card_declined")
    [recorded] = await charges(payments)
    assert recorded["payment_method"] == token


async def test_an_attached_test_card_is_a_card_of_that_customer(payments: httpx.AsyncClient) -> None:
    path = "/v1/payment_methods/pm_card_visa/attach"
    owners = ("t/1", "t/2", "t/1")
    first, other, again = [(await payments.post(path, json={"customer": owner})).json() for owner in owners]
    assert first == again and first["id"] != other["id"] and first["customer"] == "t/1"
    assert (await payments.get(f"/v1/payment_methods/{first['id']}")).json() == first
    assert (await payments.get("/v1/payment_methods/pm_card_visa")).json()["customer"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {"card": "pm_card_nobody"}, 404),
        ("", {"card": "pm_card_visa", "customer": "t/1"}, 400),
        ("/pm_nobody/attach", {"customer": "t/1"}, 404),
        ("/pm_card_visa/attach", {"customer": ""}, 400),
        ("/pm_card_visa/attach", {}, 400),
    ],
)
async def test_a_payment_method_that_breaks_a_rule_is_refused(
    payments: httpx.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    answer = await payments.post(f"/v1/payment_methods{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


async def test_the_page_shows_what_a_caller_sent_as_text(payments: httpx.AsyncClient) -> None:
    await charge(payments, "pm_card_visa", "<script>alert(1)</script>")
    page = (await payments.get("/")).text
    assert "148.00 EUR" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
