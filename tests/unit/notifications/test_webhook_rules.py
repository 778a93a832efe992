"""The rules of webhooks without a database: signatures, URLs, addresses, the schedule, and the
published bodies.
"""

import json
import re
import time
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.notifications.api.webhook_examples import EXAMPLES
from services.notifications.domain.webhook_address import is_public, networks
from services.notifications.domain.webhook_catalogue import DESCRIPTIONS, WebhookEventType
from services.notifications.domain.webhook_schedule import (
    MAX_FAILURES,
    MAX_RETRY_AFTER,
    asked_pause,
    pause_of_endpoint,
    retry_after,
)
from services.notifications.domain.webhook_signature import new_secret, signed_headers
from services.notifications.domain.webhook_url import WebhookUrl, WebhookUrlRefused
from services.notifications.handlers.webhook_payloads import FIELDS, body_of
from waypost.kernel.event import Event
from waypost.testing.envelopes import envelope_of
from waypost.testing.samples import sample_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
GUIDE = Path(__file__).parents[3] / "docs/guide/webhooks.md"


def test_the_published_example_of_standard_webhooks_is_signed_alike() -> None:
    headers = signed_headers([SECRET], ID, BODY, datetime.fromtimestamp(SECONDS + 0.9, UTC))
    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": str(SECONDS),
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with pytest.raises(ValueError, match="without a secret"):
        signed_headers([], ID, BODY, datetime.now(UTC))


def test_the_guide_verifies_each_secret_of_a_rotation_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    program = re.search(r"```\n(import base64.*?)```", GUIDE.read_text(), re.DOTALL)
    assert program is not None
    guide: dict[str, Any] = {}
    exec(program[1], guide)  # noqa: S102 - the code of the guide
    earlier, current = new_secret(), new_secret()
    headers = signed_headers([current, earlier], ID, BODY, datetime.fromtimestamp(SECONDS, UTC))
    monkeypatch.setattr(time, "time", lambda: SECONDS + 200)
    assert guide["is_authentic"](current, headers, BODY)
    assert guide["is_authentic"](earlier, headers, BODY)
    assert not guide["is_authentic"](new_secret(), headers, BODY)
    assert not guide["is_authentic"](current, headers, BODY + b" ")
    monkeypatch.setattr(time, "time", lambda: SECONDS + 301)
    assert not guide["is_authentic"](current, headers, BODY)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),  # noqa: S104
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
        *("255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a00:1"),
        *("64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254"),
        *("fec0::1", "ff02::1", "2001::1", "2001:db8::1", "2002:a00:1::", "3fff::1", "5f00::1", "2606:4700::1%eth0"),
        *("", "localhost", "8.8.8", "010.0.0.1", "0x7f000001", "2130706433"),
    ],
)
def test_an_internal_address_is_refused(address: str) -> None:
    assert not is_public(address)


def test_public_addresses_are_permitted_except_the_operators_own() -> None:
    own = networks("93.184.215.0/24, 2606:2800::/32")
    for address in ("8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:2800::1", "2a00:1450::1"):
        assert is_public(address)
        assert is_public(address, own) is (not address.startswith(("93.", "2606:")))
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        networks("10.0.0.1/8")


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "ftp://hooks.example.com/", "//hooks.example.com", "hooks.example.com", ""),
        *("https://user@hooks.example.com/", "https://user:password@hooks.example.com/", "https://example.com@[::1]/"),
        *("https://hooks.example.com:22/", "https://hooks.example.com:80/", "https://hooks.example.com:0443/"),
        *("https://hooks.example.com:99999/", "https://hooks.example.com:/", "https://hooks.example.com#f"),
        *("https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://127.1/"),
        *("https://localhost/", "https://intranet/", "https://a..example.com/", "https://-a.example.com/"),
        *("https://hooks.example.com./", "https://hooks.example.c/", "https://hooks_.example.com/"),
        *("https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com /", " https://hooks.example.com/"),
        *("https://hooks.example.com/\r\nHost: a", "https://hooks.example.com/\n", "https://hooks.example.com?x"),
        *("https://h\u00f6ks.example.com/", "https://hooks\u3002example.com/", "https://hooks.example.com/\u00e4"),
        *("https://hooks.example.com/" + "a" * 2_000, "https://" + "a" * 64 + ".example.com/"),
        *("HTTPS://hooks.example.com/", "https://%31%32%37.0.0.1/", "https://hooks.example.com/{x}"),
    ],
)
def test_a_url_that_is_not_plainly_public_is_refused(url: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        WebhookUrl.parse(url, private_networks=False)


def test_a_url_is_stored_as_it_is_requested() -> None:
    url = WebhookUrl.parse("https://Hooks.Example.com:8443/a/b?c=d%20e", private_networks=False)
    assert (url.host, url.port, url.target) == ("hooks.example.com", 8443, "/a/b?c=d%20e")
    assert str(url) == "https://hooks.example.com:8443/a/b?c=d%20e"
    assert str(WebhookUrl.parse("https://hooks.example.com", private_networks=False)) == "https://hooks.example.com/"
    for private in ("http://127.0.0.1:9000/x", "http://[::1]:9000/", "http://receiver/"):
        assert str(WebhookUrl.parse(private, private_networks=True)) == private
    with pytest.raises(WebhookUrlRefused):
        WebhookUrl.parse("http://user@127.0.0.1/", private_networks=True)


def test_retries_last_three_days_and_honour_the_receiver_within_a_bound() -> None:
    pauses = [retry_after(failures, None) for failures in range(1, MAX_FAILURES)]
    assert all(pauses) and retry_after(MAX_FAILURES, None) is None
    assert timedelta(days=2.5) < sum((each for each in pauses if each), timedelta()) < timedelta(days=3.5)
    assert retry_after(1, timedelta(minutes=5)) == timedelta(minutes=5)
    assert retry_after(1, timedelta(days=365)) == MAX_RETRY_AFTER
    later = retry_after(5, timedelta(seconds=1))
    assert later is not None and later > timedelta(minutes=50)
    assert asked_pause({"retry-after": "120"}) == timedelta(minutes=2)
    for text in ("", "-1", "soon", "\u0661", "9" * 30, "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert asked_pause({"retry-after": text}) is None
    assert [pause_of_endpoint(unanswered) for unanswered in (0, 2, 3, 4, 99)] == [
        *(None, None),
        *(timedelta(seconds=seconds) for seconds in (10, 20, 600)),
    ]


@pytest.mark.parametrize("kind", FIELDS)
def test_the_body_of_each_event_has_the_published_shape(kind: type[Event]) -> None:
    body = json.loads(body_of(envelope_of(sample_of(kind), UUID(int=7), 4)))
    example = EXAMPLES[WebhookEventType(kind.type)]
    assert (body.keys(), body["type"]) == (example.keys(), kind.type)
    shape = {name: type(value) for name, value in example["data"].items() if value is not None}
    published = {name: type(value) for name, value in body["data"].items() if value is not None}
    assert body["data"].keys() == example["data"].keys()
    assert {name: shape[name] for name in published if name in shape} == {
        name: of for name, of in published.items() if name in shape
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


def test_every_type_is_published_and_no_body_has_text_of_a_person() -> None:
    assert {kind.type for kind in FIELDS} == set(WebhookEventType) == DESCRIPTIONS.keys() == EXAMPLES.keys()
    codes = {"role", "previous_role", "reason", "currency", "plan", "previous_plan", "interval", "status"}
    for kind, names in FIELDS.items():
        types = {each.name: str(each.type) for each in fields(kind)}  # type: ignore[arg-type]  # a dataclass
        assert not kind.personal & set(names)
        texts = {name for name in names if "str" in types[name]}
        assert texts <= codes, f"{kind.type}: {texts - codes} may be free text"
    assert [kind.type for kind, names in FIELDS.items() if "reason" in names] == ["user.suspended"]
