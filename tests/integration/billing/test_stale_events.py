"""Customers apply each change of their user once, in order, also if events are replayed."""

from collections.abc import Sequence
from typing import Any

import pytest

from schemas.users import UserEmailChanged, UserErased, UserProfileUpdated
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.event import Event
from waypost.postgres.migrate import migrate
from waypost.testing.database import connected


@pytest.fixture
def changes(company: Company) -> Sequence[Event]:
    """Later changes of the company's customer, from version 2."""
    who: dict[str, Any] = {"tenant_id": company.tenant_id, "user_id": company.customer_id}
    now = company.billing.runtime.clock.now()
    moved = UserEmailChanged(**who, email="ada@example.org", previous_email="ada@example.com", changed_at=now)
    return [
        UserProfileUpdated(**who, display_name="Ada Byron", locale="en", updated_at=now),
        moved,
        UserProfileUpdated(**who, display_name="Ada King", locale="en", updated_at=now),
    ]


async def test_a_replayed_event_does_not_restore_an_old_name(company: Company, changes: Sequence[Event]) -> None:
    for version, event in enumerate(changes, start=2):
        await company.react(event, company.customer_id, version)
    known, events = await customer(company), await history(company)
    assert (known["display_name"], known["email"]) == ("Ada King", "ada@example.org")
    assert events == ["customer.created", "payment_method.attached", *["customer.updated"] * 3]

    for again in (changes, changes[:1]):
        for version, event in enumerate(again, start=2):
            await company.react(event, company.customer_id, version)
    assert (await customer(company), await history(company)) == (known, events)


async def test_an_erasure_is_permanent(company: Company, changes: Sequence[Event]) -> None:
    now = company.billing.runtime.clock.now()
    await company.react(
        UserErased(tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=now), company.customer_id, 2
    )
    events = await history(company)
    await company.react(changes[0], company.customer_id, 2)
    assert await history(company) == events


async def test_the_migration_takes_versions_from_the_order_guard(
    billing: BillingService, company: Company, changes: Sequence[Event]
) -> None:
    async with connected(billing.where.owner) as owner:
        await owner.execute("drop table followed_users")
        await owner.execute("update alembic_version set version_num = '0002'")
        await owner.execute(
            "insert into consumer_versions values ('billing.customers', 'users.user', $1, 3)", company.customer_id
        )
        await migrate("billing", billing.where.owner, revision="0003")
    known = await customer(company)
    for version, event in enumerate(changes[:2], start=2):
        await company.react(event, company.customer_id, version)
    assert await customer(company) == known
    await company.react(changes[2], company.customer_id, 4)
    assert (await customer(company))["display_name"] == "Ada King"


async def customer(company: Company) -> dict[str, object]:
    view: dict[str, object] = await company.get(f"/customers/{company.customer_id}")
    return view


async def history(company: Company) -> Sequence[str]:
    query = "select type from events where aggregate_id = :id order by version"
    return [row["type"] for row in await company.rows(query, id=company.customer_id)]
