"""The totals of the live view, in rows and over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from schemas.billing import RevenueWindowTotaled
from services.billing.projections.revenue import store_totals
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.testing.envelopes import envelope_of
from waypost.testing.http import caller, serving

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def totaled(
    company: Company, revision: int, *, start: datetime = NOON, currency: str = "EUR", window: str = "minute"
) -> RevenueWindowTotaled:
    """Totals with this revision."""
    return RevenueWindowTotaled(
        tenant_id=company.tenant_id,
        window=window,
        window_start=start,
        currency=currency,
        paid_minor=100 * revision,
        failed_minor=0,
        refunded_minor=0,
        paid_count=revision,
        failed_count=0,
        refunded_count=0,
        revision=revision,
    )


async def keep(*events: RevenueWindowTotaled, billing: BillingService) -> None:
    envelopes: list[Any] = [envelope_of(event, new_id(), 0) for event in events]
    async with billing.database.transaction([item.tenant_id for item in envelopes]) as rows:
        await store_totals(envelopes, rows)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 3, 1)])
async def test_the_highest_revision_is_kept(company: Company, order: tuple[int, ...]) -> None:
    await keep(*(totaled(company, revision) for revision in order), billing=company.billing)
    for revision in order:
        await keep(totaled(company, revision), billing=company.billing)
    (row,) = (await company.get("/revenue/live"))["data"]
    assert (row["revision"], row["paid_minor"], row["paid_count"]) == (3, 300, 3)


async def test_pages_start_with_the_newest_window(company: Company) -> None:
    minutes = [NOON + timedelta(minutes=item) for item in range(3)]
    events = [totaled(company, 1, start=start, currency=item) for start in minutes for item in ("EUR", "USD")]
    hour = totaled(company, 9, window="hour")
    await keep(*events, hour, billing=company.billing)

    seen: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await company.get("/revenue/live", limit=4, **cursor)
        seen += [(row["window_start"], row["currency"]) for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [
        (item.isoformat().replace("+00:00", "Z"), currency) for item in reversed(minutes) for currency in ("USD", "EUR")
    ]
    in_dollars = await company.get("/revenue/live", currency="USD")
    assert {row["currency"] for row in in_dollars["data"]} == {"USD"}
    assert [row["revision"] for row in (await company.get("/revenue/live", window="hour"))["data"]] == [9]


async def test_revenue_is_visible_only_to_admins_of_the_tenant(company: Company) -> None:
    stranger = await company.billing.company()
    await keep(totaled(company, 1), totaled(stranger, 2), billing=company.billing)
    assert [row["revision"] for row in (await company.get("/revenue/live"))["data"]] == [1]
    assert [row["revision"] for row in (await stranger.get("/revenue/live"))["data"]] == [2]
    as_member = await company.billing.http.get("/revenue/live", headers=company.headers(Role.MEMBER))
    assert as_member.status_code == 403


async def test_changes_are_streamed_until_the_server_drains(company: Company) -> None:
    stranger = await company.billing.company()
    await keep(totaled(company, 1), totaled(stranger, 7), billing=company.billing)
    headers = {**company.headers(), "accept": "text/event-stream"}
    async with caller("") as http:
        async with serving(company.billing.app()) as base_url:
            stream = http.stream("GET", f"{base_url}/revenue/live", headers=headers)
            answer = await stream.__aenter__()
            assert answer.headers["content-type"].startswith("text/event-stream")
            windows = windows_of(answer)
            assert (await anext(windows))["revision"] == 1
            await keep(totaled(company, 2), totaled(stranger, 8), billing=company.billing)
            assert (await anext(windows))["revision"] == 2
        # The server has ended within the second that a drain may take here: the stream did not
        # delay it.
        with pytest.raises(StopAsyncIteration):
            await anext(windows)
        await stream.__aexit__(None, None, None)


async def windows_of(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async with asyncio.timeout(20):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
