"""Every list of every service, with cursors whose positions a database could not hold."""

from base64 import urlsafe_b64encode

import pytest

from tests.fixtures.documents import document_of
from tests.fixtures.web import api
from waypost.cli.services import service_named, service_names
from waypost.kernel.role import Role
from waypost.testing.http import client_of
from waypost.testing.tokens import bearer, operator_bearer, principal
from waypost.web import ops

ID = "018f0000-0000-7000-8000-000000000000"

POSITIONS = [
    f'["0001-01-01T00:00:00+14:00","{ID}"]',
    f'["9999-12-31T23:59:59.999999-14:00","{ID}"]',
    f'["1969-12-31T23:59:59Z","{ID}"]',
    f'["9000-01-01T00:00:00Z","{ID}"]',
    f'["2026-01-01T00:00:00","{ID}"]',
    f'[1e300,"{ID}"]',
    f'["NaN","{ID}"]',
    '["2026-01-01T00:00:00Z","\\u0000"]',
    '["2026-01-01T00:00:00Z","\\ud800"]',
    '["0001-01-01T00:00:00+14:00","EUR"]',
    '["9999-12-31T23:59:59.999999-14:00","EUR"]',
    '"\\u0000"',
    "9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "NaN",
    f'["{ID}","{ID}"]',
    "[]",
    "null",
    "[" * 300,
]

KNOWN = {"users": {"/users"}, "billing": {"/revenue/live"}, "notifications": {"/notifications"}}
"""Lists that the search must find."""


@pytest.mark.parametrize("service", service_names())
async def test_a_cursor_that_no_database_could_hold_is_malformed(service: str) -> None:
    lists = lists_of(service)
    assert KNOWN.get(service, set()) <= set(lists)
    async with client_of(api(*service_named(service).routers, *ops.ROUTERS)) as client:
        for path in lists:
            who = operator_bearer() if path.startswith("/ops/") else bearer(principal(Role.OWNER))
            for position in POSITIONS:
                cursor = urlsafe_b64encode(position.encode()).decode().rstrip("=")
                answer = await client.get(path, params={"cursor": cursor}, headers=who)
                told = (answer.status_code, answer.json()["type"])
                assert told == (422, "urn:waypost:problem:malformed-cursor"), (path, position)


def lists_of(service: str) -> list[str]:
    """Each route that takes a cursor, found in the document of its service; a new one is in here by
    itself.
    """
    return [
        path
        for path, verbs in document_of(service)["paths"].items()
        if any(each["name"] == "cursor" for each in verbs.get("get", {}).get("parameters", ()))
    ]
