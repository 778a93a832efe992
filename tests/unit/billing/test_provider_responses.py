"""Interpretation of each response of the payment provider. An ambiguous response decides
nothing.
"""

from typing import Any

import httpx
import pytest

from services.billing.adapters.responses import (
    AmbiguousResponse,
    card_of,
    is_taken,
    is_unknown,
    lookup_decision,
    order_decision,
)
from services.billing.domain import AttemptKind
from services.billing.ports import Card, Declined, Reported, Succeeded
from waypost.kernel.money import Money


def refusal(status: int, kind: str, code: str, **more: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"type": kind, "code": code, "message": "for people", **more}})


def movement(name: str, status: str = "succeeded", code: str | None = None) -> dict[str, Any]:
    return {
        "id": name,
        "object": "charge",
        "amount_minor": 14_800,
        "currency": "EUR",
        "status": status,
        "failure_code": code,
    }


REPORTED = Reported(kind=AttemptKind.CHARGE, amount=Money(14_800, "EUR"))


def test_a_created_charge_or_refund_succeeded() -> None:
    assert order_decision(httpx.Response(201, json=movement("ch_1")), AttemptKind.CHARGE) == Succeeded(
        provider_id="ch_1", reported=REPORTED
    )


def test_a_declined_card_has_the_charges_id() -> None:
    response = refusal(402, "card_error", "insufficient_funds", charge="ch_2")
    assert order_decision(response, AttemptKind.CHARGE) == Declined(reason="insufficient_funds", provider_id="ch_2")


@pytest.mark.parametrize(("facts", "refund_id"), [({}, None), ({"refund": "re_1"}, "re_1")])
def test_a_refused_refund_has_its_own_id_and_not_the_charges(facts: dict[str, str], refund_id: str | None) -> None:
    response = refusal(400, "invalid_request_error", "charge_already_refunded", charge="ch_2", **facts)
    refused = Declined(reason="charge_already_refunded", provider_id=refund_id)
    assert order_decision(response, AttemptKind.REFUND) == refused


@pytest.mark.parametrize(
    ("status", "code"), [(400, "amount_too_large"), (400, "charge_not_refundable"), (404, "resource_missing")]
)
def test_an_impossible_order_is_declined(status: int, code: str) -> None:
    response = refusal(status, "invalid_request_error", code)
    assert order_decision(response, AttemptKind.CHARGE) == Declined(reason=code)


UNDECIDED = [
    refusal(400, "idempotency_error", "idempotency_key_reused"),
    refusal(404, "invalid_request_error", "request_unroutable"),
    refusal(409, "idempotency_error", "idempotency_key_in_use"),
    refusal(401, "invalid_request_error", "unauthenticated"),
    refusal(429, "rate_limit_error", "too_many_requests"),
    refusal(500, "api_error", "oops"),
    refusal(503, "api_error", "service_unavailable"),
    httpx.Response(200, json=movement("ch_1")),
    httpx.Response(201, html="<h1>Welcome to the wireless network</h1>"),
    httpx.Response(201, json=movement("ch_1", "pending")),
    httpx.Response(201, json=movement("ch_1") | {"amount_minor": "14800"}),
    httpx.Response(201, json=movement("ch_1") | {"currency": None}),
    httpx.Response(201, json=movement("ch_1") | {"object": "payout"}),
    httpx.Response(201, content=b'{"id": "ch_1", "stat'),
    httpx.Response(302, headers={"location": "/elsewhere"}),
    httpx.Response(402, html="<h1>Pay for this proxy</h1>"),
    httpx.Response(404, html="<h1>Not here</h1>"),
    httpx.Response(502, html="<h1>Bad gateway</h1>"),
]


@pytest.mark.parametrize("response", UNDECIDED, ids=lambda response: f"{response.status_code} {response.text[:60]}")
def test_an_ambiguous_response_decides_nothing(response: httpx.Response) -> None:
    with pytest.raises(AmbiguousResponse):
        order_decision(response, AttemptKind.CHARGE)


def test_a_look_up_prefers_the_success_over_failures() -> None:
    movements = [movement("ch_1", "failed", "card_declined"), movement("ch_2"), movement("ch_3", "failed", "expired")]
    assert lookup_decision(httpx.Response(200, json={"data": movements})) == Succeeded(
        provider_id="ch_2", reported=REPORTED
    )
    assert lookup_decision(httpx.Response(200, json={"data": movements[:1]})) == Declined(
        reason="card_declined", provider_id="ch_1", reported=REPORTED
    )
    assert lookup_decision(httpx.Response(200, json={"data": []})) is None


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, html="<h1>Sign in</h1>"),
        httpx.Response(200, json={"data": [{"id": "ch_1"}]}),
        httpx.Response(204),
        httpx.Response(302, headers={"location": "/elsewhere"}),
        httpx.Response(404, html="<h1>Not here</h1>"),
        httpx.Response(500),
    ],
    ids=lambda response: f"{response.status_code} {response.text[:40]}",
)
def test_only_the_provider_can_report_an_unknown_key(response: httpx.Response) -> None:
    """If it were read as "not found", the charge would be made twice."""
    with pytest.raises(AmbiguousResponse):
        lookup_decision(response)


def test_only_the_provider_can_report_an_unknown_payment_method() -> None:
    assert is_unknown(refusal(404, "invalid_request_error", "resource_missing"))
    assert not is_unknown(refusal(404, "invalid_request_error", "request_unroutable"))
    assert not is_unknown(httpx.Response(404, html="<h1>Not here</h1>"))
    method = {"id": "pm_card_visa", "object": "payment_method", "brand": "visa", "last4": "4242"}
    assert card_of(httpx.Response(200, json=method)) == Card(token="pm_card_visa", brand="visa", last4="4242")


def test_only_the_provider_can_report_a_payment_method_of_another_customer() -> None:
    assert is_taken(refusal(400, "invalid_request_error", "payment_method_taken"))
    assert not is_taken(refusal(400, "invalid_request_error", "parameter_invalid"))
    assert not is_taken(refusal(404, "invalid_request_error", "payment_method_taken"))
    assert not is_taken(httpx.Response(400, html="<h1>Bad request</h1>"))
