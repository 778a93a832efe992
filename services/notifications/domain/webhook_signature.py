"""Signatures of webhooks: Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric scheme `v1`."""

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification asks for 24 to 64."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secrets_of_endpoint: Sequence[str], webhook_id: str, body: bytes, at: datetime) -> Mapping[str, str]:
    """The three headers of the specification. The signature header holds one signature per secret,
    separated by spaces, so that a receiver may still know an earlier secret. Raises ValueError
    without a secret: a request without a signature must not be sent.
    """
    if not secrets_of_endpoint:
        raise ValueError("an endpoint without a secret")
    seconds = str(int(at.timestamp()))
    signed = f"{webhook_id}.{seconds}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets_of_endpoint),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
