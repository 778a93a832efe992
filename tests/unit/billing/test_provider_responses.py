"""What each answer of the payment provider means. Whatever is not understood decides nothing."""

from typing import Any

import httpx
import pytest

from services.billing.adapters.responses import AmbiguousResponse, card_of, is_unknown, lookup_decision, order_decision
from services.billing.ports import Card, Declined, Succeeded


def refusal(status: int, kind: str, code: str, **more: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"type": kind, "code": code, "message": "for people", **more}})


def movement(name: str, status: str = "succeeded", code: str | None = None) -> dict[str, Any]:
    return {"id": name, "object": "charge", "status": status, "failure_code": code}


def test_what_was_made_moved() -> None:
    assert order_decision(httpx.Response(201, json=movement("ch_1"))) == Succeeded(provider_id="ch_1")


def test_a_declined_card_is_declined_under_the_charges_name() -> None:
    answer = refusal(402, "card_error", "insufficient_funds", charge="ch_2")
    assert order_decision(answer) == Declined(reason="insufficient_funds", provider_id="ch_2")


@pytest.mark.parametrize(
    ("status", "code"), [(400, "amount_too_large"), (400, "charge_not_refundable"), (404, "resource_missing")]
)
def test_what_cannot_be_carried_out_is_declined(status: int, code: str) -> None:
    assert order_decision(refusal(status, "invalid_request_error", code)) == Declined(reason=code)


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
    httpx.Response(201, json={"id": "ch_1", "status": "pending"}),
    httpx.Response(201, content=b'{"id": "ch_1", "stat'),
    httpx.Response(302, headers={"location": "/elsewhere"}),
    httpx.Response(402, html="<h1>Pay for this proxy</h1>"),
    httpx.Response(404, html="<h1>Not here</h1>"),
    httpx.Response(502, html="<h1>Bad gateway</h1>"),
]


@pytest.mark.parametrize("answer", UNDECIDED, ids=lambda answer: f"{answer.status_code} {answer.text[:60]}")
def test_nothing_is_decided_by(answer: httpx.Response) -> None:
    with pytest.raises(AmbiguousResponse):
        order_decision(answer)


def test_a_look_up_finds_what_moved_before_what_failed() -> None:
    found = [movement("ch_1", "failed", "card_declined"), movement("ch_2"), movement("ch_3", "failed", "expired")]
    assert lookup_decision(httpx.Response(200, json={"data": found})) == Succeeded(provider_id="ch_2")
    assert lookup_decision(httpx.Response(200, json={"data": found[:1]})) == Declined(
        reason="card_declined", provider_id="ch_1"
    )
    assert lookup_decision(httpx.Response(200, json={"data": []})) is None


@pytest.mark.parametrize(
    "answer",
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
    ids=lambda answer: f"{answer.status_code} {answer.text[:40]}",
)
def test_only_the_provider_says_that_there_is_nothing(answer: httpx.Response) -> None:
    """Read as "nothing", it would have the charge made a second time."""
    with pytest.raises(AmbiguousResponse):
        lookup_decision(answer)


def test_a_payment_method_is_unknown_where_the_provider_says_so() -> None:
    assert is_unknown(refusal(404, "invalid_request_error", "resource_missing"))
    assert not is_unknown(refusal(404, "invalid_request_error", "request_unroutable"))
    assert not is_unknown(httpx.Response(404, html="<h1>Not here</h1>"))
    method = {"id": "pm_card_visa", "object": "payment_method", "brand": "visa", "last4": "4242"}
    assert card_of(httpx.Response(200, json=method)) == Card(brand="visa", last4="4242")
