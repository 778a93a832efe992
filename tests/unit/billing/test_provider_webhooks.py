"""Webhooks are accepted if they are signed, recent, and about an attempt of this service."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from infra.simulators.payments.webhooks import signature
from services.billing.adapters.webhook_signature import TOLERANCE
from services.billing.adapters.webhooks import SignedWebhookReader
from services.billing.domain import AttemptKind
from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.domain.errors import WebhookNotAuthentic
from services.billing.ports import Declined, NoticeKind, NoticeOutcome, ProviderNotice, Reported, Succeeded
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money

SECRET = "whsec_of_the_tests"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TENANT, ATTEMPT = TenantId(uuid4()), uuid4()
OURS = {"tenant_id": str(TENANT), "invoice_id": str(uuid4()), "attempt_id": str(ATTEMPT)}
CHARGED = Reported(kind=AttemptKind.CHARGE, amount=Money(14_800, "EUR"))
REFUNDED = Reported(kind=AttemptKind.REFUND, amount=Money(14_800, "EUR"))
REFUND = {"id": "re_1", "object": "refund", "charge": "ch_1"}
webhook_reader = SignedWebhookReader(SECRET)


def body_of(kind: str = "charge.succeeded", **changes: Any) -> str:
    subject = {
        "id": "ch_1",
        "object": "charge",
        "amount_minor": 14_800,
        "currency": "EUR",
        "status": "succeeded",
        "failure_code": None,
        "metadata": OURS,
    }
    return json.dumps(
        {"id": "evt_1", "type": kind, "created_at": NOW.isoformat(), "data": {"object": subject | changes}}
    )


def signed(body: str, at: datetime = NOW, secret: str = SECRET) -> str:
    return signature(secret, int(at.timestamp()), body)


@pytest.mark.parametrize(
    ("body", "decision"),
    [
        (body_of(), Succeeded(provider_id="ch_1", reported=CHARGED)),
        (body_of("refund.succeeded", **REFUND), Succeeded(provider_id="re_1", reported=REFUNDED)),
        (
            body_of("charge.failed", status="failed", failure_code="card_declined"),
            Declined(reason="card_declined", provider_id="ch_1", reported=CHARGED),
        ),
        (
            body_of("refund.failed", **REFUND, status="failed", failure_code="lost_card"),
            Declined(reason="lost_card", provider_id="re_1", reported=REFUNDED),
        ),
    ],
)
def test_a_signed_notice_carries_the_decision(body: str, decision: Succeeded | Declined) -> None:
    notice = webhook_reader.read(signed(body), body.encode(), NOW)
    assert notice is not None
    assert (notice.tenant_id, notice.attempt_id, notice.charge_id) == (TENANT, ATTEMPT, "ch_1")
    assert notice.decision == decision


@pytest.mark.parametrize(
    "metadata", [{}, {"tenant_id": str(TENANT)}, {"tenant_id": "acme", "attempt_id": "1"}, {"invoice": "7"}]
)
def test_money_that_names_no_attempt_is_read_without_one(metadata: dict[str, str]) -> None:
    body = body_of("refund.succeeded", **REFUND, metadata=metadata)
    assert webhook_reader.read(signed(body), body.encode(), NOW) == ProviderNotice(
        kind=NoticeKind.REFUND,
        outcome=NoticeOutcome.SUCCEEDED,
        provider_id="re_1",
        charge_id="ch_1",
        amount=Money(14_800, "EUR"),
        reason=None,
        tenant_id=None,
        attempt_id=None,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("kind", "age", "is_early"),
    [
        ("refund.succeeded", timedelta(), True),
        ("refund.failed", FORGOTTEN_AFTER - SECOND, True),
        ("charge.dispute.created", timedelta(minutes=1), True),
        ("charge.dispute.closed", FORGOTTEN_AFTER, False),
        ("refund.succeeded", -FORGOTTEN_AFTER, False),
        ("charge.succeeded", timedelta(), False),
    ],
)
def test_a_young_refund_or_dispute_may_be_earlier_than_its_charge(kind: str, age: timedelta, is_early: bool) -> None:
    subject = REFUND if kind.startswith("refund") else {}
    dispute = {"object": "dispute", "charge": "ch_1", "status": "won"} if "dispute" in kind else {}
    body = body_of(kind, **subject | dispute)
    notice = webhook_reader.read(signed(body, NOW + age), body.encode(), NOW + age)
    assert notice is not None
    assert notice.may_be_early(NOW + age) == is_early


@pytest.mark.parametrize("created_at", [None, "yesterday", "2026-11-25T12:00:00", 7])
def test_a_notice_without_a_time_is_read_and_never_early(created_at: object) -> None:
    body = json.dumps({**json.loads(body_of("refund.succeeded", **REFUND)), "created_at": created_at})
    notice = webhook_reader.read(signed(body), body.encode(), NOW)
    assert notice is not None
    assert not notice.may_be_early(NOW)


@pytest.mark.parametrize(
    ("kind", "status", "outcome"),
    [
        ("charge.dispute.created", "needs_response", NoticeOutcome.OPENED),
        ("charge.dispute.closed", "won", NoticeOutcome.WON),
        ("charge.dispute.closed", "lost", NoticeOutcome.LOST),
    ],
)
def test_a_dispute_names_its_charge(kind: str, status: str, outcome: NoticeOutcome) -> None:
    body = body_of(kind, id="dp_1", object="dispute", charge="ch_1", reason="fraudulent", status=status)
    notice = webhook_reader.read(signed(body), body.encode(), NOW)
    assert notice is not None
    assert (notice.kind, notice.outcome, notice.charge_id) == (NoticeKind.DISPUTE, outcome, "ch_1")
    assert (notice.provider_id, notice.amount, notice.reason) == ("dp_1", Money(14_800, "EUR"), "fraudulent")


@pytest.mark.parametrize("age", [TOLERANCE, -TOLERANCE, timedelta()])
def test_a_small_clock_difference_is_accepted(age: timedelta) -> None:
    assert webhook_reader.read(signed(body_of()), body_of().encode(), NOW + age) is not None


@pytest.mark.parametrize("age", [TOLERANCE + SECOND, -TOLERANCE - SECOND, timedelta(days=300)])
def test_an_old_notice_is_refused(age: timedelta) -> None:
    with pytest.raises(WebhookNotAuthentic):
        webhook_reader.read(signed(body_of()), body_of().encode(), NOW + age)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(WebhookNotAuthentic):
        webhook_reader.read(signed(body_of("charge.failed")), body_of("charge.succeeded").encode(), NOW)


def test_a_changed_time_is_refused() -> None:
    digest = signed(body_of(), NOW - timedelta(days=1)).partition(",")[2]
    with pytest.raises(WebhookNotAuthentic):
        webhook_reader.read(f"t={int(NOW.timestamp())},{digest}", body_of().encode(), NOW)


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
        pytest.param(signed(body_of(), secret="whsec_of_somebody_else"), id="with another secret"),
        pytest.param(signed(body_of()).replace("v1=", "v0="), id="with an unknown version"),
        pytest.param(signed(body_of()).upper(), id="in capitals"),
    ],
)
def test_a_wrong_signature_is_refused(header: str) -> None:
    with pytest.raises(WebhookNotAuthentic):
        webhook_reader.read(header, body_of().encode(), NOW)


def test_a_signed_time_that_is_not_a_number_is_refused() -> None:
    body = body_of()
    for odd in ("soon", "1e9", "-1", ""):
        header = signature(SECRET, odd, body)  # type: ignore[arg-type]  # a provider that returns an unknown status
        with pytest.raises(WebhookNotAuthentic):
            webhook_reader.read(header, body.encode(), NOW)


@pytest.mark.parametrize(
    "body",
    [
        body_of("payout.created"),
        body_of(status="pending"),
        body_of(amount_minor=True),
        body_of(amount_minor="14800"),
        body_of(amount_minor=0),
        body_of(currency="euro"),
        body_of("charge.dispute.created", id="dp_1", object="dispute", status="needs_response"),
        json.dumps({"type": "charge.succeeded"}),
        "[]",
        "not JSON",
        "",
    ],
)
def test_an_unrelated_notice_is_accepted_and_ignored(body: str) -> None:
    assert webhook_reader.read(signed(body), body.encode(), NOW) is None
