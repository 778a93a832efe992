"""The signature of the payment provider's webhooks: `t=<Unix seconds>,v1=<hex HMAC-SHA256 of
"t.body">`, the same scheme as Stripe's.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.billing.domain.errors import WebhookNotAuthentic

TOLERANCE = timedelta(minutes=5)
"""Accepted difference between the provider's clock and ours, in both directions. Older webhooks are
refused, so that a recorded notice cannot be replayed.
"""

MAX_HEADER_CHARACTERS = 2_048
MAX_SIGNATURES = 10
"""A provider that rotates its secret sends one `v1` for each secret."""

_UNIX_SECONDS = re.compile(r"[0-9]{1,12}")


class WebhookSignatures:
    """Verifies signatures with any of the secrets: while the provider's secret is replaced, the new
    and the previous one.
    """

    def __init__(self, *secrets: str) -> None:
        """Raises ValueError without a secret, and for an empty one: everyone can sign with it."""
        if not secrets or not all(secrets):
            raise ValueError("a webhook secret is missing or empty")
        self._secrets = [secret.encode() for secret in secrets]

    def require_authentic(self, header: str, body: bytes, at: datetime) -> None:
        """Raises WebhookNotAuthentic unless a `v1` of the header is the signature of the body, made
        at about `at`.
        """
        signed_at, received = _parsed(header)
        signed = f"{signed_at}.".encode() + body
        expected = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in self._secrets]
        # Compares every pair, in constant time. Bytes, because `compare_digest` raises for text
        # that is not ASCII.
        matches = [hmac.compare_digest(each.encode(), other.encode()) for each in expected for other in received]
        if not any(matches) or abs(at.timestamp() - int(signed_at)) > TOLERANCE.total_seconds():
            raise WebhookNotAuthentic


def _parsed(header: str) -> tuple[str, Sequence[str]]:
    """The time, which is exactly one number of seconds, and the signatures. Raises
    WebhookNotAuthentic.
    """
    if len(header) > MAX_HEADER_CHARACTERS:
        raise WebhookNotAuthentic
    parts = [part.partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in parts if name == "t"]
    received = [value for name, value in parts if name == "v1"]
    if len(times) != 1 or not _UNIX_SECONDS.fullmatch(times[0]) or not 0 < len(received) <= MAX_SIGNATURES:
        raise WebhookNotAuthentic
    return times[0], received
