"""What the live view published, in rows and over HTTP."""

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
    """Totals that tell their revision."""
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
    async with billing.database.transaction([each.tenant_id for each in envelopes]) as rows:
        await store_totals(envelopes, rows)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 3, 1)])
async def test_the_highest_revision_stays(company: Company, order: tuple[int, ...]) -> None:
    await keep(*(totaled(company, revision) for revision in order), billing=company.billing)
    for revision in order:
        await keep(totaled(company, revision), billing=company.billing)
    (row,) = (await company.get("/revenue/live"))["data"]
    assert (row["revision"], row["paid_minor"], row["paid_count"]) == (3, 300, 3)


async def test_pages_begin_with_the_newest_window(company: Company) -> None:
    minutes = [NOON + timedelta(minutes=each) for each in range(3)]
    events = [totaled(company, 1, start=start, currency=each) for start in minutes for each in ("EUR", "USD")]
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
        (each.isoformat().replace("+00:00", "Z"), currency) for each in reversed(minutes) for currency in ("USD", "EUR")
    ]
    in_dollars = await company.get("/revenue/live", currency="USD")
    assert {row["currency"] for row in in_dollars["data"]} == {"USD"}
    assert [row["revision"] for row in (await company.get("/revenue/live", window="hour"))["data"]] == [9]


async def test_nobody_else_sees_it(company: Company) -> None:
    stranger = await company.billing.company()
    await keep(totaled(company, 1), totaled(stranger, 2), billing=company.billing)
    assert [row["revision"] for row in (await company.get("/revenue/live"))["data"]] == [1]
    assert [row["revision"] for row in (await stranger.get("/revenue/live"))["data"]] == [2]
    as_member = await company.billing.http.get("/revenue/live", headers=company.headers(Role.MEMBER))
    assert as_member.status_code == 403


async def test_changes_are_told_as_they_come_until_the_server_drains(company: Company) -> None:
    stranger = await company.billing.company()
    await keep(totaled(company, 1), totaled(stranger, 7), billing=company.billing)
    headers = {**company.headers(), "accept": "text/event-stream"}
    async with caller("") as http:
        async with serving(company.billing.app()) as base_url:
            stream = http.stream("GET", f"{base_url}/revenue/live", headers=headers)
            answer = await stream.__aenter__()
            assert answer.headers["content-type"].startswith("text/event-stream")
            told = windows_of(answer)
            assert (await anext(told))["revision"] == 1
            await keep(totaled(company, 2), totaled(stranger, 8), billing=company.billing)
            assert (await anext(told))["revision"] == 2
        # The server has ended, in less than the second that a drain may take here: the stream did
        # not hold it up.
        with pytest.raises(StopAsyncIteration):
            await anext(told)
        await stream.__aexit__(None, None, None)


async def windows_of(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async with asyncio.timeout(20):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))
