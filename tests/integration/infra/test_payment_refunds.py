"""Refunds: never more than was charged, and once per key."""

import httpx

from tests.integration.infra.payments import charge, fresh_key, refund


async def test_a_refund_shows_on_its_charge(payments: httpx.AsyncClient) -> None:
    made = (await charge(payments, "pm_card_visa")).json()
    back = await refund(payments, charge=made["id"], amount_minor=4_800, metadata={"refund_id": "3"})
    assert back.status_code == 201
    now = (await payments.get(f"/v1/charges/{made['id']}")).json()
    assert (now["amount_refunded_minor"], now["refunds"]) == (4_800, [back.json()])
    assert (await payments.get("/v1/refunds")).json()["data"] == [back.json()]


async def test_no_amount_means_all_that_is_left(payments: httpx.AsyncClient) -> None:
    made = (await charge(payments, "pm_card_visa")).json()
    await refund(payments, charge=made["id"], amount_minor=4_800)
    assert (await refund(payments, charge=made["id"])).json()["amount_minor"] == 10_000
    nothing_left = await refund(payments, charge=made["id"])
    assert (nothing_left.status_code, nothing_left.json()["error"]["code"]) == (400, "charge_already_refunded")


async def test_more_than_is_left_is_refused(payments: httpx.AsyncClient) -> None:
    made = (await charge(payments, "pm_card_visa")).json()
    answer = await refund(payments, charge=made["id"], amount_minor=14_801)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "amount_too_large")


async def test_a_repeated_key_refunds_once(payments: httpx.AsyncClient) -> None:
    made, key = (await charge(payments, "pm_card_visa")).json(), fresh_key()
    first = await refund(payments, key, charge=made["id"], amount_minor=100)
    second = await refund(payments, key, charge=made["id"], amount_minor=100)
    assert second.json() == first.json()
    assert second.headers["idempotent-replayed"] == "true"
    found = await payments.get("/v1/refunds", params={"idempotency_key": key})
    assert found.json()["data"] == [first.json()]


async def test_a_failed_charge_has_nothing_to_give_back(payments: httpx.AsyncClient) -> None:
    declined = (await charge(payments, "pm_card_declined")).json()["error"]["charge"]
    assert (await refund(payments, charge=declined)).json()["error"]["code"] == "charge_not_refundable"


async def test_an_unknown_charge_is_not_found(payments: httpx.AsyncClient) -> None:
    assert (await refund(payments, charge="ch_nobody")).status_code == 404


async def test_the_refund_to_an_attached_card_follows_its_test_card(payments: httpx.AsyncClient) -> None:
    for card, status in (("pm_card_visa", "succeeded"), ("pm_card_refund_fails", "failed")):
        attached = (await payments.post(f"/v1/payment_methods/{card}/attach", json={"customer": "c"})).json()
        made = (await charge(payments, attached["id"])).json()
        back = (await refund(payments, charge=made["id"])).json()
        assert back["status"] == status, card
