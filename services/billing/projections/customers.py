"""Customers and their cards."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    CustomerCreated,
    CustomerErased,
    CustomerInvoiceWrittenOff,
    CustomerUpdated,
    CustomerWriteOffSettled,
    PaymentMethodAttached,
    PaymentMethodDetached,
    PaymentMethodMadeDefault,
)
from services.billing.tables import CUSTOMERS, cards, customers
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection

_customer = partial(changes, customers, customers.c.customer_id)
_touch = _customer(lambda event: {})
_particulars = _customer(
    lambda event: {"email": event.email, "display_name": event.display_name, "locale": event.locale}
)
_blank = _customer(lambda event: {"email": None, "display_name": None, "erased": True})

_arrears = _customer(lambda event: {"written_off_invoices": event.outstanding})


async def add_customers(created: Sequence[Envelope[CustomerCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(customers),
        [
            {
                "tenant_id": envelope.tenant_id,
                "customer_id": envelope.aggregate_id,
                "email": envelope.event.email,
                "display_name": envelope.event.display_name,
                "locale": envelope.event.locale,
                "erased": False,
                "written_off_invoices": 0,
                "version": envelope.aggregate_version,
                "created_at": envelope.event.created_at,
            }
            for envelope in created
        ],
    )


async def add_cards(attached: Sequence[Envelope[PaymentMethodAttached]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(cards),
        [
            {
                "tenant_id": envelope.tenant_id,
                "customer_id": envelope.aggregate_id,
                "payment_method_id": envelope.event.payment_method_id,
                "brand": envelope.event.brand,
                "last4": envelope.event.last4,
                "attached_in_version": envelope.aggregate_version,
            }
            for envelope in attached
        ],
    )
    await _touch(attached, rows)


async def make_default(chosen: Sequence[Envelope[PaymentMethodMadeDefault]], rows: AsyncConnection) -> None:
    await rows.execute(
        update(cards)
        .where(cards.c.tenant_id == bindparam("of_tenant"), cards.c.payment_method_id == bindparam("of_method"))
        .values(attached_in_version=bindparam("chosen_in")),
        [
            {
                "of_tenant": envelope.tenant_id,
                "of_method": envelope.event.payment_method_id,
                "chosen_in": envelope.aggregate_version,
            }
            for envelope in chosen
        ],
    )
    await _touch(chosen, rows)


async def remove_cards(detached: Sequence[Envelope[PaymentMethodDetached]], rows: AsyncConnection) -> None:
    await rows.execute(
        delete(cards).where(
            cards.c.tenant_id == bindparam("of_tenant"), cards.c.payment_method_id == bindparam("of_method")
        ),
        [{"of_tenant": envelope.tenant_id, "of_method": envelope.event.payment_method_id} for envelope in detached],
    )
    await _touch(detached, rows)


async def forget_customers(erased: Sequence[Envelope[CustomerErased]], rows: AsyncConnection) -> None:
    await rows.execute(
        delete(cards).where(
            cards.c.tenant_id == bindparam("of_tenant"), cards.c.customer_id == bindparam("of_customer")
        ),
        [{"of_tenant": envelope.tenant_id, "of_customer": envelope.aggregate_id} for envelope in erased],
    )
    await _blank(erased, rows)


CUSTOMER_ROWS = InlineProjection(
    "customers",
    {
        CustomerCreated: add_customers,
        CustomerUpdated: _particulars,
        CustomerErased: forget_customers,
        CustomerInvoiceWrittenOff: _arrears,
        CustomerWriteOffSettled: _arrears,
        PaymentMethodAttached: add_cards,
        PaymentMethodMadeDefault: make_default,
        PaymentMethodDetached: remove_cards,
    },
    CUSTOMERS,
)
