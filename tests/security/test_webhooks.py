"""No webhook is accepted without the provider's signature, and none causes a 5xx."""

import hashlib
import hmac
import json
from collections.abc import Mapping

import httpx
import pytest

from infra.simulators.payments.webhooks import SIGNATURE_HEADER, signature
from tests.integration.infra.webhooks import SECRET
from tests.security.target import Target
from tests.security.webhook_headers import OTHER_SECRET, hostile_headers

PATH = "/webhooks/payments"
BODY = json.dumps({"id": "evt_1", "type": "payout.created", "data": {"object": {}}})
BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "NUL": b'{"type": "charge.succeeded\\u0000"}',
    "a surrogate": b'{"type": "\\ud800"}',
    "deep": b"[" * 30_000,
    "a number of 5,000 digits": b'{"type": ' + b"1" * 5_000 + b"}",
    "a list": b"[]",
    "unknown type": BODY.encode(),
}


def now(billing: Target) -> int:
    return int(billing.service.clock.now().timestamp())


async def send(billing: Target, body: bytes, *signatures: str) -> httpx.Response:
    headers = [(SIGNATURE_HEADER.encode(), text.encode()) for text in signatures]
    return await billing.http.post(PATH, content=body, headers=[*headers, (b"content-type", b"application/json")])


async def test_no_hostile_signature_is_accepted(billing: Target) -> None:
    at = now(billing)
    assert (await send(billing, BODY.encode(), signature(SECRET, at, BODY))).status_code == 204
    for name, header in hostile_headers(SECRET, at, BODY).items():
        answer = await send(billing, BODY.encode(), header)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:waypost:problem:webhook-not-authentic"), name
    assert (await send(billing, BODY.encode())).status_code == 400


async def test_two_signature_headers_are_refused_unless_the_first_is_right(billing: Target) -> None:
    at = now(billing)
    good, forged = signature(SECRET, at, BODY), signature(OTHER_SECRET, at, BODY)
    assert (await send(billing, BODY.encode(), forged, good)).status_code == 400
    assert (await send(billing, BODY.encode(), "", good)).status_code == 400


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_an_odd_body_changes_nothing(billing: Target, body: bytes) -> None:
    before = await billing.service.row_counts(billing.tenant_id)
    unsigned = await send(billing, body, signature(OTHER_SECRET, now(billing), "{}"))
    assert unsigned.status_code == 400
    signed = await send(billing, body, _signed(body, now(billing)))
    assert signed.status_code == 204, signed.text
    assert await billing.service.row_counts(billing.tenant_id) == before


def _signed(body: bytes, at: int) -> str:
    """The simulator signs texts; a body may be any bytes."""
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
