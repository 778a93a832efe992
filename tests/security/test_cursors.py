"""Every list of every service, on its database, with cursors that are forged, cut, too long or of
another list: an answer is a page or a refusal.
"""

from base64 import urlsafe_b64encode

import pytest

from tests.security.operations import Operations
from tests.security.target import Target
from tests.unit.waypost.web.test_cursors import ID, POSITIONS

OF_SOME_LIST = [
    f'"{ID}"',
    f'["2026-01-01T00:00:00Z","{ID}"]',
    '["2026-01-01T00:00:00Z","EUR"]',
    f'["1970-01-01T00:00:00Z","{ID}"]',
    f'["8999-12-31T23:59:59.999999Z","{ID}"]',
    f'["8999-12-31T23:59:59.999999-15:59","{ID}"]',
    '["2026-01-01T00:00:00Z","' + "x" * 300 + '"]',
    '["2026-01-01T00:00:00Z","\\ud83d\\ude00"]',
    '["2026-01-01T00:00:00Z",""]',
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "true",
    "1.0",
    '"1"',
    '"2026-01-01T00:00:00Z"',
    '"00000000-0000-0000-0000-000000000000"',
    '"ffffffff-ffff-ffff-ffff-ffffffffffff"',
]
"""Positions that one list or another accepts."""

NOT_ENCODED = [
    *("", "=", "====", "!", "!!!!", "A", "AAAAA", "é", "a b", "../../etc/passwd", "' or 1=1 --"),
    *("x" * length for length in (512, 513, 60_000)),
]


def encoded(position: str) -> str:
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursors",
    [[encoded(each) for each in POSITIONS], [encoded(each) for each in OF_SOME_LIST], NOT_ENCODED],
    ids=["impossible", "of some list", "not encoded"],
)
async def test_a_list_answers_every_cursor_with_a_page_or_a_refusal(target: Target, cursors: list[str]) -> None:
    lists = [each for each in Operations(target.app).all if each.method == "GET" and "cursor" in each.query]
    assert len(lists) >= 2
    for operation in lists:
        headers = target.operator if operation.is_for_operators else target.victims[0]
        for cursor in cursors:
            answer = await target.http.get(operation.path, params={"cursor": cursor}, headers=headers)
            assert answer.status_code in (200, 400, 422), (operation.name, cursor[:100], answer.text)
            if answer.status_code != 200:
                assert answer.headers["content-type"] == "application/problem+json"
