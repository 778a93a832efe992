"""Pagination by cursor: `{data, has_more, next_cursor}`. A cursor encodes the position of a page's
last row and is opaque to clients.

Pages = Annotated[PageRequest[UUID], paged_by(UUID)]

@router.get("/invoices")
async def list_invoices(page: Pages, caller: Caller, ...) -> Page[InvoiceView]:
    rows = await queries.invoices(uow.rows, after=page.after, limit=page.rows)
    return page.of(rows, InvoiceView.of, position=lambda row: row.id)
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, TypeAdapter, ValidationError

from waypost.kernel.errors import Invalid
from waypost.web.models import refuse_unstorable

P = TypeVar("P")
Row = TypeVar("Row")
View = TypeVar("View")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_CHARACTERS = 512
_CURSOR = "`next_cursor` of the previous page. Without it, the first page."


class MalformedCursor(Invalid):
    """The cursor is not valid for this list."""


class Page(BaseModel, Generic[View]):
    data: Sequence[View]
    has_more: bool
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest(Generic[P]):
    after: P | None
    """Position of the last row of the previous page. None for the first page."""
    limit: int
    positions: TypeAdapter[P]

    @property
    def rows(self) -> int:
        """Number of rows to read: one more than the page contains, which shows if there is a next
        page.
        """
        return self.limit + 1

    def of(self, rows: Sequence[Row], show: Callable[[Row], View], *, position: Callable[[Row], P]) -> Page[View]:
        shown, has_more = rows[: self.limit], len(rows) > self.limit
        cursor = self._cursor(position(shown[-1])) if has_more else None
        return Page(data=[show(row) for row in shown], has_more=has_more, next_cursor=cursor)

    def _cursor(self, position: P) -> str:
        return urlsafe_b64encode(self.positions.dump_json(position)).decode().rstrip("=")


def paged_by(kind: type[P]) -> Any:
    """Dependency with the query parameters `cursor` and `limit`, for a list ordered by a position
    of type `kind`: UUID, int, `tuple[datetime, UUID]`.
    """
    positions: TypeAdapter[P] = TypeAdapter(kind)

    async def page_request(
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS, description=_CURSOR)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows of a page.")] = DEFAULT_LIMIT,
    ) -> PageRequest[P]:
        after = None if cursor is None else _position(cursor, positions)
        return PageRequest(after=after, limit=limit, positions=positions)

    return Depends(page_request)


def _position(cursor: str, positions: TypeAdapter[P]) -> P:
    """Decodes a cursor. Clients can forge cursors, so a position has the same limits as a body.
    Raises MalformedCursor.
    """
    try:
        position = positions.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        refuse_unstorable(position)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise MalformedCursor from error
    return position
