"""Signatures after Standard Webhooks."""

import base64
from datetime import UTC, datetime

import pytest

from waypost.kernel.errors import Misconfigured
from waypost.web.standard_webhooks import MAX_SIGNATURES, TOLERANCE, StandardWebhooks, WebhookNotAuthentic, sign

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
BODY = b'{"type":"mail.bounced"}'
SECRET, PREVIOUS, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in range(3))


def verify(signatures: str, *, id_: str = "msg_1", at: str = str(AT), body: bytes = BODY, now: datetime = NOW) -> None:
    StandardWebhooks(SECRET, PREVIOUS).require_authentic(id_, at, signatures, body, now)


def test_the_example_of_the_specification_is_accepted() -> None:
    secret, sent_at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    body = b'{"test": 2432232314}'
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == signature
    StandardWebhooks(secret).require_authentic("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", signature, body, sent_at)


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
def test_one_right_signature_of_either_secret_is_enough(secret: str) -> None:
    right = sign(secret, "msg_1", AT, BODY)
    verify(right)
    verify(f"v1a,ed25519 v1,AAAA v1,~ {sign(OTHER, 'msg_1', AT, BODY)} {right}")


def test_another_id_time_body_or_secret_is_refused() -> None:
    right = sign(SECRET, "msg_1", AT, BODY)
    with pytest.raises(WebhookNotAuthentic):
        verify(right, id_="msg_2")
    with pytest.raises(WebhookNotAuthentic):
        verify(right, at=str(AT + 1))
    with pytest.raises(WebhookNotAuthentic):
        verify(right, body=BODY + b" ")
    with pytest.raises(WebhookNotAuthentic):
        verify(sign(OTHER, "msg_1", AT, BODY))


def test_a_recorded_webhook_is_refused_later_and_one_from_the_future_too() -> None:
    right = sign(SECRET, "msg_1", AT, BODY)
    for now in (NOW + TOLERANCE, NOW - TOLERANCE):
        verify(right, now=now)
    for now in (NOW + TOLERANCE * 1.01, NOW - TOLERANCE * 1.01):
        with pytest.raises(WebhookNotAuthentic):
            verify(right, now=now)


@pytest.mark.parametrize(
    ("signatures", "id_", "at"),
    [
        ("", "msg_1", str(AT)),
        ("v1,", "msg_1", str(AT)),
        ("v1,é", "msg_1", str(AT)),
        ("v2,AAAA", "msg_1", str(AT)),
        ("v1," + "A" * 3_000, "msg_1", str(AT)),
        (" ".join(["v1,AAAA"] * (MAX_SIGNATURES + 1)), "msg_1", str(AT)),
        ("v1,AAAA", "", str(AT)),
        ("v1,AAAA", "é", str(AT)),
        ("v1,AAAA", "msg_1", ""),
        ("v1,AAAA", "msg_1", "-1"),
        ("v1,AAAA", "msg_1", "9" * 400),
        ("v1,AAAA", "msg_1", "١"),
    ],
)
def test_odd_fields_are_refused(signatures: str, id_: str, at: str) -> None:
    with pytest.raises(WebhookNotAuthentic):
        verify(signatures, id_=id_, at=at)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", SECRET.removeprefix("whsec_"), "whsec_" + "?" * 32])
def test_a_secret_that_is_not_valid_is_refused(secret: str) -> None:
    with pytest.raises(Misconfigured, match="24 to 64 random bytes"):
        StandardWebhooks(SECRET, secret)
    with pytest.raises(Misconfigured):
        StandardWebhooks()
