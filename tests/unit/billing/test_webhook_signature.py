"""A webhook is accepted with a signature of either secret, and with no other header."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.simulators.payments.webhooks import signature
from services.billing.adapters.webhook_signature import MAX_SIGNATURES, TOLERANCE, WebhookSignatures
from services.billing.domain.errors import WebhookNotAuthentic

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = '{"type": "charge.succeeded"}'
CURRENT, PREVIOUS, OTHER = "whsec_the_current_one", "whsec_the_previous_one", "whsec_of_somebody_else"


def v1(secret: str, at: int = SECONDS, body: str = BODY) -> str:
    return signature(secret, at, body).partition(",")[2]


def stamped(time: str) -> str:
    """A header that is rightly signed at this text, which need not be a time."""
    return signature(CURRENT, time, BODY)  # type: ignore[arg-type]  # a provider that sends another text


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


GOOD = v1(CURRENT)
HOSTILE = {
    "time of 5,000 digits, rightly signed": stamped("1" * 5_000),
    "time of 1,000 digits, rightly signed": stamped("1" * 1_000),
    "time beyond a datetime, rightly signed": stamped(str(10**13)),
    "largest number that is parsed, rightly signed": stamped(str(10**12 - 1)),
    "negative time, rightly signed": stamped(str(-SECONDS)),
    "digits of another script, rightly signed": stamped("".join(chr(0x660 + int(digit)) for digit in str(SECONDS))),
    "time with spaces, rightly signed": stamped(f" {SECONDS}"),
    "time with an underscore, rightly signed": stamped(f"{SECONDS // 1000}_{SECONDS % 1000}"),
    "two times": f"t={SECONDS},t={SECONDS},{GOOD}",
    "a second, stale time": f"t={SECONDS - 86_400},t={SECONDS},{v1(CURRENT, SECONDS - 86_400)}",
    "no time": GOOD,
    "no signature": f"t={SECONDS}",
    "empty signature": f"t={SECONDS},v1=",
    "signature of an empty secret": f"t={SECONDS},{v1('')}",
    "signature of another secret": f"t={SECONDS},{v1(OTHER)}",
    "signature of another body": f"t={SECONDS},{v1(CURRENT, body='{}')}",
    "signature of another time": f"t={SECONDS},{v1(CURRENT, SECONDS + 1)}",
    "signature in another scheme": f"t={SECONDS},{GOOD.replace('v1=', 'v0=')}",
    "signature in capitals": f"t={SECONDS},v1={GOOD[3:].upper()}",
    "cut signature": f"t={SECONDS},{GOOD[:-1]}",
    "not ASCII": f"t={SECONDS},v1=é",
    "NUL": f"t={SECONDS},v1=\0",
    "more signatures than a rotation has": f"t={SECONDS}," + ",".join(["v1=00"] * MAX_SIGNATURES + [GOOD]),
    "a huge header": f"t={SECONDS},{GOOD}," + "x" * 60_000,
    "only separators": ",=,=,=,",
    "nothing": "",
}


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused(header: str) -> None:
    assert accepts(f"t={SECONDS},{GOOD}")
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
