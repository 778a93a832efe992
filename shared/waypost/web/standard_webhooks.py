"""Verifies webhooks that are signed after Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric
scheme `v1`.

`webhook-signature` holds `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`, several with spaces
between. A secret is `whsec_` and 24 to 64 bytes in base64.
"""

import base64
import hmac
import re
from datetime import datetime, timedelta

from waypost.kernel.errors import Misconfigured, Unauthenticated

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"

TOLERANCE = timedelta(minutes=5)
"""Accepted difference between the sender's clock and ours, in both directions. A sender signs each
attempt again, so a recorded one cannot be replayed later.
"""

MAX_HEADER_CHARACTERS = 2_048
MAX_SIGNATURES = 10
"""A sender that replaces its secret sends one signature for each."""

_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[\x21-\x7e]{1,256}")


class WebhookNotAuthentic(Unauthenticated):
    """The webhook has no valid signature of its sender, or it was signed too long ago: check the
    secret and the clock.
    """


class StandardWebhooks:
    """Verifies with any of the secrets: while the sender's secret is replaced, the new and the
    previous one.
    """

    def __init__(self, *secrets: str) -> None:
        """Raises Misconfigured without a secret, and for one that is not valid."""
        if not secrets:
            raise Misconfigured("a webhook secret is missing")
        self._keys = [_key(secret) for secret in secrets]

    def require_authentic(self, webhook_id: str, timestamp: str, signatures: str, body: bytes, at: datetime) -> None:
        """The values of the three header fields, and the body as received. Raises
        WebhookNotAuthentic unless one signature is right, and was made at about `at`.
        """
        received = _signatures(webhook_id, timestamp, signatures)
        signed = f"{webhook_id}.{timestamp}.".encode() + body
        expected = [hmac.digest(key, signed, "sha256") for key in self._keys]
        # Compares every pair, in constant time.
        matches = [hmac.compare_digest(each, other) for each in expected for other in received]
        if not any(matches) or abs(at.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
            raise WebhookNotAuthentic


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` for one secret. Raises Misconfigured."""
    digest = hmac.digest(_key(secret), f"{webhook_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise Misconfigured(
            f"a webhook secret is not valid: it is {_PREFIX} and {_SECRET_BYTES[0]} to {_SECRET_BYTES[-1]} random bytes"
            " in base64"
        )
    return key


def _signatures(webhook_id: str, timestamp: str, signatures: str) -> list[bytes]:
    """Raises WebhookNotAuthentic for values that no sender sends."""
    fits = len(signatures) <= MAX_HEADER_CHARACTERS and _ID.fullmatch(webhook_id) and _UNIX_SECONDS.fullmatch(timestamp)
    parts = [part.removeprefix("v1,") for part in signatures.split(" ") if part.startswith("v1,")]
    if not fits or not 0 < len(parts) <= MAX_SIGNATURES:
        raise WebhookNotAuthentic
    return [_digest(part) for part in parts]


def _digest(text: str) -> bytes:
    """Nothing for a text that is not a digest: another signature of the header may be right."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
