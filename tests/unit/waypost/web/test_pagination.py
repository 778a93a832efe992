from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import APIRouter

from tests.fixtures.web import api
from waypost.kernel.ids import new_id
from waypost.testing.http import client_of
from waypost.web.pagination import Page, PageRequest, paged_by

IDS = sorted(new_id() for _ in range(25))
Moment = tuple[datetime, UUID]
MOMENTS: Sequence[Moment] = [
    (datetime(2026, 1, 1, 0, 0, second, 123456, tzinfo=UTC), IDS[second]) for second in range(25)
]

routes = APIRouter()


@routes.get("/ids")
async def ids(page: Annotated[PageRequest[UUID], paged_by(UUID)]) -> Page[UUID]:
    rows = [each for each in IDS if page.after is None or each > page.after][: page.rows]
    return page.of(rows, lambda row: row, position=lambda row: row)


@routes.get("/moments")
async def moments(page: Annotated[PageRequest[Moment], paged_by(Moment)]) -> Page[Moment]:
    rows = [each for each in MOMENTS if page.after is None or each > page.after][: page.rows]
    return page.of(rows, lambda row: row, position=lambda row: row)


@pytest.mark.parametrize("path", ["/ids", "/moments"])
@pytest.mark.parametrize("limit", [1, 5, 24, 25, 26])
async def test_the_pages_together_are_the_list(path: str, limit: int) -> None:
    expected = [str(each) for each in IDS] if path == "/ids" else [str(id_) for _, id_ in MOMENTS]
    seen: list[str] = []
    async with client_of(api(routes)) as client:
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get(path, params={"limit": limit} | ({"cursor": cursor} if cursor else {}))).json()
            assert len(page["data"]) <= limit
            assert page["has_more"] is (page["next_cursor"] is not None)
            seen += [each if path == "/ids" else each[1] for each in page["data"]]
            cursor = page["next_cursor"]
    assert seen == expected


@pytest.mark.parametrize("cursor", ["", "!", "Zm9v", "bnVsbA", "IjEi", "W10", "a" * 1000, "é"])
async def test_a_cursor_of_somewhere_else_is_refused(cursor: str) -> None:
    async with client_of(api(routes)) as client:
        answer = await client.get("/ids", params={"cursor": cursor})
    assert answer.status_code == 422


@pytest.mark.parametrize("limit", [0, -1, 201, "many"])
async def test_a_page_has_a_size(limit: object) -> None:
    async with client_of(api(routes)) as client:
        assert (await client.get("/ids", params={"limit": str(limit)})).status_code == 422
