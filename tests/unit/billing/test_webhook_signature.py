"""A webhook is accepted with a signature of either secret, and with no other header."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.simulators.payments.webhooks import signature
from services.billing.adapters.webhook_signature import TOLERANCE, WebhookSignatures
from services.billing.domain.errors import WebhookNotAuthentic
from tests.security.webhook_headers import hostile_headers

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = '{"type": "charge.succeeded"}'
CURRENT, PREVIOUS = "whsec_the_current_one", "whsec_the_previous_one"


def v1(secret: str, at: int = SECONDS, body: str = BODY) -> str:
    return signature(secret, at, body).partition(",")[2]


def accepts(header: str, *secrets: str, body: str = BODY, at: datetime = NOW) -> bool:
    try:
        WebhookSignatures(*(secrets or (CURRENT,))).require_authentic(header, body.encode(), at)
    except WebhookNotAuthentic:
        return False
    return True


def test_a_rotation_refuses_no_webhook() -> None:
    """The receiver learns the new secret first, then the provider signs with both, then with the
    new one, then the receiver forgets the old one.
    """
    old, new, both = f"t={SECONDS},{v1(PREVIOUS)}", f"t={SECONDS},{v1(CURRENT)}", (CURRENT, PREVIOUS)
    signed_by_both = f"t={SECONDS},{v1(PREVIOUS)},{v1(CURRENT)}"
    assert all(accepts(header, *both) for header in (old, signed_by_both, new))
    assert accepts(signed_by_both, CURRENT)
    assert accepts(signed_by_both, PREVIOUS)
    assert accepts(new, CURRENT)
    assert not accepts(old, CURRENT)


HOSTILE = hostile_headers(CURRENT, SECONDS, BODY)


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused(header: str) -> None:
    assert accepts(f"t={SECONDS},{v1(CURRENT)}")
    assert not accepts(header)


@pytest.mark.parametrize("age", [TOLERANCE + timedelta(seconds=1), -TOLERANCE - timedelta(seconds=1)])
def test_a_stale_webhook_is_refused_with_the_previous_secret_too(age: timedelta) -> None:
    header = signature(PREVIOUS, SECONDS, BODY)
    assert accepts(header, CURRENT, PREVIOUS)
    assert not accepts(header, CURRENT, PREVIOUS, at=NOW + age)


@pytest.mark.parametrize("secrets", [(), ("",), (CURRENT, "")])
def test_an_empty_secret_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="missing or empty"):
        WebhookSignatures(*secrets)
