"""The promises of the payments port, against the provider's simulator, for each test card."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from services.billing.adapters.provider import HttpPayments
from services.billing.domain import AttemptKind
from services.billing.domain.errors import PaymentMethodTaken, PaymentMethodUnknown
from services.billing.ports import Card, CardOwner, Declined, OutcomeUnknown, Reported, Succeeded
from tests.integration.billing.orders import charge_order, refund_order
from tests.integration.infra.payments import charges, provider
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money

TENANT = TenantId(uuid4())


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with provider(tmp_path, payments_slow_card_seconds=1) as client:
        yield client


@pytest.fixture
async def payments(simulator: httpx.AsyncClient) -> AsyncIterator[HttpPayments]:
    async with HttpPayments.open(str(simulator.base_url), timeout_seconds=5) as payments:
        yield payments


async def test_a_charge_matches_its_order(payments: HttpPayments, simulator: httpx.AsyncClient) -> None:
    order = charge_order()
    decision = await payments.execute(order)
    [charge] = await charges(simulator)
    assert decision == charged(charge["id"])
    asked = {name: charge[name] for name in ("amount_minor", "currency", "payment_method", "idempotency_key")}
    assert asked == {
        "amount_minor": 14_800,
        "currency": "EUR",
        "payment_method": "pm_card_visa",
        "idempotency_key": order.idempotency_key,
    }
    assert charge["metadata"] == {
        "tenant_id": str(order.tenant_id),
        "invoice_id": str(order.invoice_id),
        "attempt_id": str(order.attempt_id),
    }


async def test_a_repeated_order_is_one_charge(payments: HttpPayments, simulator: httpx.AsyncClient) -> None:
    order = charge_order()
    assert await payments.execute(order) == await payments.execute(order) == await payments.find(order)
    assert len(await charges(simulator)) == 1


@pytest.mark.parametrize(
    ("card", "reason"), [("pm_card_declined", "card_declined"), ("pm_card_insufficient_funds", "insufficient_funds")]
)
async def test_a_refusal_is_a_decision(
    payments: HttpPayments, simulator: httpx.AsyncClient, card: str, reason: str
) -> None:
    order = charge_order(card)
    decision = await payments.execute(order)
    [charge] = await charges(simulator)
    assert decision == Declined(reason=reason, provider_id=charge["id"])
    assert await payments.find(order) == Declined(
        reason=reason, provider_id=charge["id"], reported=charged(charge["id"]).reported
    )


async def test_a_look_up_before_any_order_finds_nothing(payments: HttpPayments) -> None:
    assert await payments.find(charge_order()) is None
    assert await payments.find(refund_order("ch_1", 1)) is None


async def test_a_lost_response_leaves_the_outcome_unknown_until_a_look_up(
    simulator: httpx.AsyncClient,
) -> None:
    order = charge_order("pm_card_timeout_after_charge")
    async with HttpPayments.open(str(simulator.base_url), timeout_seconds=0.5) as impatient:
        with pytest.raises(OutcomeUnknown):
            await impatient.execute(order)
        [charge] = await charges(simulator)
        assert await impatient.find(order) == charged(charge["id"]) == await impatient.execute(order)
    assert len(await charges(simulator)) == 1


async def test_an_outage_leaves_the_outcome_unknown_and_the_same_key_usable(
    payments: HttpPayments, simulator: httpx.AsyncClient
) -> None:
    order = charge_order("pm_card_unavailable_once")
    with pytest.raises(OutcomeUnknown):
        await payments.execute(order)
    assert await payments.find(order) is None
    assert isinstance(await payments.execute(order), Succeeded)
    assert len(await charges(simulator)) == 1


async def test_a_concurrent_duplicate_leaves_the_outcome_unknown(
    payments: HttpPayments, simulator: httpx.AsyncClient
) -> None:
    order = charge_order("pm_card_slow")
    outcomes = await asyncio.gather(payments.execute(order), payments.execute(order), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OutcomeUnknown", "Succeeded"]
    assert len(await charges(simulator)) == 1


async def test_a_key_of_another_order_leaves_the_outcome_unknown(
    payments: HttpPayments, simulator: httpx.AsyncClient
) -> None:
    """If it were read as a decline, the invoice would be charged again under the next key."""
    order = charge_order()
    made = await payments.execute(order)
    other = replace(order, amount=Money(1, "EUR"))
    with pytest.raises(OutcomeUnknown, match="idempotency_key_reused"):
        await payments.execute(other)
    assert await payments.find(other) == made
    assert len(await charges(simulator)) == 1


async def test_a_repeated_refund_order_is_one_refund(payments: HttpPayments, simulator: httpx.AsyncClient) -> None:
    charged = await payments.execute(charge_order())
    assert isinstance(charged, Succeeded)
    order = refund_order(charged.provider_id, 4_800)
    assert await payments.execute(order) == await payments.execute(order) == await payments.find(order)
    [charge] = await charges(simulator)
    assert charge["amount_refunded_minor"] == 4_800
    assert charge["refunds"][0]["metadata"]["attempt_id"] == str(order.attempt_id)


async def test_an_impossible_refund_is_declined(payments: HttpPayments) -> None:
    charged = await payments.execute(charge_order())
    failed = await payments.execute(charge_order("pm_card_declined"))
    assert isinstance(charged, Succeeded) and isinstance(failed, Declined) and failed.provider_id
    too_much = await payments.execute(refund_order(charged.provider_id, 14_801))
    assert too_much == Declined(reason="amount_too_large")
    assert await payments.execute(refund_order(failed.provider_id, 1)) == Declined(reason="charge_not_refundable")
    assert await payments.execute(refund_order("ch_of_nobody", 1)) == Declined(reason="resource_missing")


async def test_a_card_belongs_to_one_customer_of_one_tenant(
    payments: HttpPayments, simulator: httpx.AsyncClient
) -> None:
    made = await simulator.post("/v1/payment_methods", json={"card": "pm_card_visa"})
    token, owner = made.json()["id"], CardOwner(tenant_id=uuid4(), customer_id=uuid4())
    card = Card(token=token, brand="visa", last4="4242")
    assert [await payments.attach(token, owner) for _ in range(2)] == [card, card]
    for other in (replace(owner, tenant_id=uuid4()), replace(owner, customer_id=uuid4())):
        with pytest.raises(PaymentMethodTaken, match="enter the card again"):
            await payments.attach(token, other)
    assert isinstance(await payments.execute(charge_order(token)), Succeeded)


async def test_a_test_card_becomes_a_card_of_the_customer(payments: HttpPayments) -> None:
    owners = [CardOwner(tenant_id=uuid4(), customer_id=uuid4()) for _ in range(2)]
    first, second = [await payments.attach("pm_card_visa", owner) for owner in owners]
    assert first.token != second.token and (first.brand, first.last4) == ("visa", "4242")
    assert await payments.attach("pm_card_visa", owners[0]) == first == await payments.attach(first.token, owners[0])
    with pytest.raises(PaymentMethodTaken):
        await payments.attach(first.token, owners[1])


async def test_an_unknown_card_cannot_be_attached(payments: HttpPayments) -> None:
    with pytest.raises(PaymentMethodUnknown, match="send the token that the provider returned"):
        await payments.attach("pm_card_of_nobody", CardOwner(tenant_id=uuid4(), customer_id=uuid4()))
    assert await payments.execute(charge_order("pm_card_of_nobody")) == Declined(reason="resource_missing")


async def test_the_charges_of_a_tenant_are_listed_in_pages(
    payments: HttpPayments, simulator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.billing.adapters.provider.PAGE", 2)
    orders = [charge_order(tenant_id=TENANT) for _ in range(5)]
    made = [await payments.execute(order) for order in orders]
    await payments.execute(charge_order())
    await payments.execute(charge_order("pm_card_declined", tenant_id=TENANT))
    ids = [decision.provider_id for decision in made]
    await payments.execute(refund_order(str(ids[3]), 800))
    listed = await payments.charges(TENANT, datetime(2020, 1, 1, tzinfo=UTC))
    assert [charge.id for charge in listed] == ids
    assert [charge.refunded_minor for charge in listed] == [0, 0, 0, 800, 0]
    assert {charge.amount for charge in listed} == {Money(14_800, "EUR")}
    assert await payments.charges(TENANT, datetime(2100, 1, 1, tzinfo=UTC)) == []


def charged(charge_id: str) -> Succeeded:
    reported = Reported(kind=AttemptKind.CHARGE, amount=Money(14_800, "EUR"))
    return Succeeded(provider_id=charge_id, reported=reported)
