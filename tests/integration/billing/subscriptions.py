"""Requests about subscriptions, by a tenant's owner."""

from collections.abc import Sequence
from typing import Any

from tests.integration.billing.service import Company, Row
from waypost.testing.eventually import eventually


async def subscribed(company: Company, plan: str = "starter") -> Row:
    answer = await company.post("/subscriptions", {"customer_id": str(company.customer_id), "plan": plan})
    assert answer.status_code == 201, answer.text
    shown: Row = answer.json()
    return shown


async def seen(company: Company, subscription: Row) -> Row:
    shown: Row = await company.get(f"/subscriptions/{subscription['id']}")
    return shown


async def becomes(company: Company, subscription: Row, **expected: object) -> Row:
    """The subscription's view when it has the expected values."""

    async def read() -> Row:
        shown = await seen(company, subscription)
        assert {name: shown[name] for name in expected} == expected, shown
        return shown

    return await eventually(read, deadline_seconds=20)


async def history(company: Company, subscription: Row) -> Sequence[str]:
    return [event["type"] for event in (await company.get(f"/subscriptions/{subscription['id']}/events"))["data"]]


async def invoices_of(company: Company, subscription: Row) -> Sequence[dict[str, Any]]:
    """The subscription's invoices, oldest first."""
    page = await company.get("/invoices", subscription_id=subscription["id"])
    return list(reversed(page["data"]))
