"""Totals per window, from the live view's topic."""

from collections.abc import Iterable, Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import RevenueWindowTotaled
from services.billing.tables import REVENUE, revenue_windows
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection

_KEY = tuple(column.name for column in revenue_windows.primary_key.columns)
_TOTALS = tuple(column.name for column in revenue_windows.columns if column.name not in _KEY)


async def store_totals(totaled: Sequence[Envelope[RevenueWindowTotaled]], rows: AsyncConnection) -> None:
    """Keeps the totals of the highest revision, in any order of arrival and with duplicates."""
    newest = _newest(column.event for column in totaled)
    statement = insert(revenue_windows).values(
        [{name: getattr(event, name) for name in (*_KEY, *_TOTALS)} for event in newest]
    )
    statement = statement.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: statement.excluded[name] for name in _TOTALS},
        where=statement.excluded.revision > revenue_windows.c.revision,
    )
    await rows.execute(statement)


def _newest(events: Iterable[RevenueWindowTotaled]) -> Sequence[RevenueWindowTotaled]:
    """One event per window: an upsert statement may not change a row twice."""
    newest_by_key: dict[tuple[object, ...], RevenueWindowTotaled] = {}
    for event in sorted(events, key=lambda event: event.revision):
        newest_by_key[tuple(getattr(event, name) for name in _KEY)] = event
    return list(newest_by_key.values())


REVENUE_WINDOWS = AsyncProjection("revenue", {RevenueWindowTotaled: store_totals}, REVENUE)
