"""Customers with their cards."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import PaymentMethod
from services.billing.tables import cards, customers
from waypost.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    id: UUID
    email: str | None = field(repr=False)
    display_name: str | None = field(repr=False)
    locale: str
    erased: bool
    payment_methods: Sequence[PaymentMethod]
    """In the order in which they were attached or chosen; the last is the default."""
    created_at: datetime
    version: int

    @property
    def default_payment_method_id(self) -> UUID | None:
        return self.payment_methods[-1].id if self.payment_methods else None


async def customer(rows: AsyncConnection, customer_id: UUID) -> CustomerRow:
    """Raises NotFound, also for another tenant's customer."""
    row = (await rows.execute(select(customers).where(customers.c.customer_id == customer_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no customer {customer_id}")
    return _customer(row, await _cards(rows, [customer_id]))


async def all_customers(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[CustomerRow]:
    """One page of customers, in the order in which the users registered: ids increase with time."""
    page = select(customers).order_by(customers.c.customer_id).limit(limit)
    if after is not None:
        page = page.where(customers.c.customer_id > after)
    query = (await rows.execute(page)).all()
    cards_by_customer = await _cards(rows, [row.customer_id for row in query])
    return [_customer(row, cards_by_customer) for row in query]


async def _cards(rows: AsyncConnection, customer_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[PaymentMethod]]:
    query = select(cards).where(cards.c.customer_id.in_(customer_ids)).order_by(cards.c.attached_in_version)
    cards_by_customer: dict[UUID, list[PaymentMethod]] = defaultdict(list)
    for row in await rows.execute(query):
        cards_by_customer[row.customer_id].append(
            PaymentMethod(id=row.payment_method_id, brand=row.brand, last4=row.last4)
        )
    return cards_by_customer


def _customer(row: Row[Any], cards_by_customer: Mapping[UUID, Sequence[PaymentMethod]]) -> CustomerRow:
    return CustomerRow(
        id=row.customer_id,
        email=row.email,
        display_name=row.display_name,
        locale=row.locale,
        erased=row.erased,
        payment_methods=cards_by_customer.get(row.customer_id, ()),
        created_at=row.created_at,
        version=row.version,
    )
