"""The provider's webhooks are believed where they are signed, fresh, and about an attempt of ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from infra.simulators.payments.webhooks import signature
from services.billing.adapters.webhooks import TOLERANCE, SignedNotices
from services.billing.domain.errors import WebhookNotAuthentic
from services.billing.ports import Declined, Notice, Succeeded
from waypost.kernel.ids import TenantId

SECRET = "whsec_of_the_tests"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TENANT, ATTEMPT = TenantId(uuid4()), uuid4()
OURS = {"tenant_id": str(TENANT), "invoice_id": str(uuid4()), "attempt_id": str(ATTEMPT)}
notices = SignedNotices(SECRET)


def told(kind: str = "charge.succeeded", **changes: Any) -> str:
    subject = {"id": "ch_1", "object": "charge", "status": "succeeded", "failure_code": None, "metadata": OURS}
    return json.dumps(
        {"id": "evt_1", "type": kind, "created_at": NOW.isoformat(), "data": {"object": subject | changes}}
    )


def signed(body: str, at: datetime = NOW, secret: str = SECRET) -> str:
    return signature(secret, int(at.timestamp()), body)


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        (told(), Succeeded(provider_id="ch_1")),
        (told("refund.succeeded", id="re_1"), Succeeded(provider_id="re_1")),
        (
            told("charge.failed", status="failed", failure_code="card_declined"),
            Declined(reason="card_declined", provider_id="ch_1"),
        ),
    ],
)
def test_what_the_provider_decided(body: str, decision: Succeeded | Declined) -> None:
    assert notices.read(signed(body), body.encode(), NOW) == Notice(
        tenant_id=TENANT, attempt_id=ATTEMPT, decision=decision
    )


@pytest.mark.parametrize("age", [TOLERANCE, -TOLERANCE, timedelta()])
def test_clocks_may_differ_a_little(age: timedelta) -> None:
    assert notices.read(signed(told()), told().encode(), NOW + age) is not None


@pytest.mark.parametrize("age", [TOLERANCE + SECOND, -TOLERANCE - SECOND, timedelta(days=300)])
def test_an_old_notice_is_not_believed_again(age: timedelta) -> None:
    with pytest.raises(WebhookNotAuthentic):
        notices.read(signed(told()), told().encode(), NOW + age)


def test_another_body_under_the_same_signature_is_not_believed() -> None:
    with pytest.raises(WebhookNotAuthentic):
        notices.read(signed(told("charge.failed")), told("charge.succeeded").encode(), NOW)


def test_another_time_under_the_same_signature_is_not_believed() -> None:
    digest = signed(told(), NOW - timedelta(days=1)).partition(",")[2]
    with pytest.raises(WebhookNotAuthentic):
        notices.read(f"t={int(NOW.timestamp())},{digest}", told().encode(), NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "t=,v1=",
        "v1=",
        f"t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v1=",
        f"t={int(NOW.timestamp())},v1=é",
        pytest.param(signed(told(), secret="whsec_of_somebody_else"), id="of somebody else"),
        pytest.param(signed(told()).replace("v1=", "v0="), id="of a version nobody knows"),
        pytest.param(signed(told()).upper(), id="in capitals"),
    ],
)
def test_what_is_not_signed_by_the_provider_is_not_believed(header: str) -> None:
    with pytest.raises(WebhookNotAuthentic):
        notices.read(header, told().encode(), NOW)


def test_a_time_that_is_no_number_is_not_believed_even_if_signed() -> None:
    body = told()
    for odd in ("soon", "1e9", "-1", ""):
        header = signature(SECRET, odd, body)  # type: ignore[arg-type]  # a provider that went wrong
        with pytest.raises(WebhookNotAuthentic):
            notices.read(header, body.encode(), NOW)


@pytest.mark.parametrize(
    "body",
    [
        told("payout.created"),
        told(metadata={}),
        told(metadata={"tenant_id": str(TENANT)}),
        told(metadata={"tenant_id": "acme", "attempt_id": "1"}),
        told(status="pending"),
        json.dumps({"type": "charge.succeeded"}),
        "[]",
        "no JSON",
        "",
    ],
)
def test_what_tells_nothing_of_an_attempt_of_ours_is_taken_and_left(body: str) -> None:
    assert notices.read(signed(body), body.encode(), NOW) is None
