"""The read model `overview`: invoices and subscriptions of users, from billing's topics.

Rows follow from the events of one invoice or one subscription. An erased user has none: the handler
of `user.erased` deletes the rows, and no later event of billing adds one. Whether a user exists is
read from the accounts, where a user is before any event of billing names them, and is not after
their erasure. So the result does not depend on the order of the topics, and a rebuild gives the
same rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionRenewed,
)
from schemas.users import UserErased
from services.users.tables import OVERVIEW, billed_invoices, billed_subscriptions
from waypost.engine.row_per_aggregate import Row, RowChange, RowPerAggregate, change, put
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection

# The lock is that of a foreign key: an erasure waits for a batch that adds rows of the person, so
# that `user.erased`, which is published afterwards, finds them. The schema is named, because a
# rebuild of this projection sees its own tables alone.
#
# The comparison of a rebuild is the one transaction with a snapshot. It is rolled back, and lasts
# longer than an erasure may wait: it reads without the lock.
_OF_NAMED = """
select present.tenant_id, present.user_id from accounts.users as present
join unnest(:tenants, :people) as named (tenant_id, user_id) using (tenant_id, user_id)
where current_setting('transaction_isolation')"""
_PRESENT = text(f"""
with locked as ({_OF_NAMED} = 'read committed'
    order by present.tenant_id, present.user_id for key share of present)
select tenant_id, user_id from locked union all {_OF_NAMED} <> 'read committed'""").bindparams(
    bindparam("tenants", type_=ARRAY(Uuid)), bindparam("people", type_=ARRAY(Uuid))
)


class RowPerAggregateOfUsers(RowPerAggregate):
    """Ignores the events of customers who are not users, because they were erased."""

    async def __call__(self, envelopes: Iterable[Envelope[Any]], rows: AsyncConnection) -> None:
        events = list(envelopes)
        present = await _present({(each.tenant_id, each.event.customer_id) for each in events}, rows)
        await super().__call__([each for each in events if (each.tenant_id, each.event.customer_id) in present], rows)


async def _present(people: Iterable[tuple[UUID, UUID]], rows: AsyncConnection) -> set[tuple[UUID, UUID]]:
    ordered = sorted(people)
    found = await rows.execute(
        _PRESENT, {"tenants": [tenant for tenant, _ in ordered], "people": [person for _, person in ordered]}
    )
    return {(row.tenant_id, row.user_id) for row in found}


def _finalized(event: InvoiceFinalized) -> Row:
    return {
        "customer_id": event.customer_id,
        "number": event.number,
        "currency": event.currency,
        "status": "open",
        "total_minor": event.total_minor,
        "paid_minor": 0,
        "refunded_minor": 0,
        "disputed_minor": 0,
    }


def _plus(column: str, amount: Any = lambda event: event.amount_minor) -> RowChange:
    """Adds an amount of the event to the column."""
    return lambda row, envelope: None if row is None else {**row, column: row[column] + amount(envelope.event)}


_invoices = RowPerAggregateOfUsers(
    billed_invoices,
    {
        InvoiceFinalized: put(_finalized),
        InvoicePaid: change(
            lambda event: {"status": "paid", "paid_minor": event.amount_minor, "paid_at": event.paid_at}
        ),
        InvoiceVoided: change(lambda event: {"status": "void"}),
        InvoiceMarkedUncollectible: change(lambda event: {"status": "uncollectible"}),
        InvoiceRefunded: _plus("refunded_minor"),
        InvoiceRefundFailed: _plus("refunded_minor", lambda event: -event.amount_minor * event.was_booked),
        InvoiceDisputed: _plus("disputed_minor"),
        InvoiceDisputeClosed: _plus("disputed_minor", lambda event: -event.amount_minor * (event.outcome == "won")),
    },
)


def _terms(event: SubscriptionCreated | SubscriptionRenewed) -> Row:
    return {
        "plan": event.plan,
        "interval": event.interval,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "period_end": event.period_end,
    }


def _subscribed(event: SubscriptionCreated) -> Row:
    status = "active" if event.trial_end is None else "trialing"
    return {"customer_id": event.customer_id, "status": status, **_terms(event)}


_subscriptions = RowPerAggregateOfUsers(
    billed_subscriptions,
    {
        SubscriptionCreated: put(_subscribed),
        SubscriptionRenewed: change(lambda event: {**_terms(event), "status": event.status}),
        SubscriptionPastDue: change(lambda event: {"status": event.status}),
        SubscriptionCaughtUp: change(lambda event: {"status": event.status}),
        SubscriptionCancellationScheduled: change(lambda event: {"cancel_at": event.cancel_at}),
        SubscriptionCancellationRevoked: change(lambda event: {"cancel_at": None}),
        SubscriptionCanceled: change(lambda event: {"status": "canceled", "cancel_at": None}),
    },
)

_FORGET = [
    text(
        f"delete from {table.name} as stored using unnest(:tenants, :people) as erased (tenant_id, user_id)"
        " where stored.tenant_id = erased.tenant_id and stored.customer_id = erased.user_id"
    ).bindparams(bindparam("tenants", type_=ARRAY(Uuid)), bindparam("people", type_=ARRAY(Uuid)))
    for table in (billed_invoices, billed_subscriptions)
]


async def forget(erased: Sequence[Envelope[UserErased]], rows: AsyncConnection) -> None:
    """Deletes the rows of erased users."""
    people: Mapping[str, list[UUID]] = {
        "tenants": [envelope.tenant_id for envelope in erased],
        "people": [envelope.aggregate_id for envelope in erased],
    }
    for statement in _FORGET:
        await rows.execute(statement, people)


BILLED = AsyncProjection(
    "overview",
    {
        InvoiceFinalized: _invoices,
        InvoicePaid: _invoices,
        InvoiceVoided: _invoices,
        InvoiceMarkedUncollectible: _invoices,
        InvoiceRefunded: _invoices,
        InvoiceRefundFailed: _invoices,
        InvoiceDisputed: _invoices,
        InvoiceDisputeClosed: _invoices,
        SubscriptionCreated: _subscriptions,
        SubscriptionRenewed: _subscriptions,
        SubscriptionPastDue: _subscriptions,
        SubscriptionCaughtUp: _subscriptions,
        SubscriptionCancellationScheduled: _subscriptions,
        SubscriptionCancellationRevoked: _subscriptions,
        SubscriptionCanceled: _subscriptions,
        UserErased: forget,
    },
    OVERVIEW,
    reads_personal_data=False,
)
"""Drafts are not included: nothing is due yet."""
