"""Notifications to the owner of a tenant, about what concerns the tenant as a whole."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.billing import InvoiceDisputeClosed, InvoiceDisputed
from schemas.users import TenantClosed
from services.notifications.domain import Facts, NotificationKind
from services.notifications.handlers.event_notices import queue_about
from services.notifications.handlers.notifications import is_recent
from services.notifications.queries.mail_contents import owner
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotYet
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork


async def invoice_disputed(disputed: Envelope[InvoiceDisputed], uow: UnitOfWork) -> None:
    facts = {**_amount(disputed.event), "reason": disputed.event.reason}
    await _queue(disputed, NotificationKind.INVOICE_DISPUTED, facts, disputed.event.disputed_at, uow)


async def invoice_dispute_closed(closed: Envelope[InvoiceDisputeClosed], uow: UnitOfWork) -> None:
    facts = {**_amount(closed.event), "outcome": closed.event.outcome}
    await _queue(closed, NotificationKind.INVOICE_DISPUTE_CLOSED, facts, closed.event.closed_at, uow)


async def tenant_closed(closed: Envelope[TenantClosed], uow: UnitOfWork) -> None:
    """To the owner alone. The other users learn it when they sign in: a handler must not queue a
    mail for each user of a tenant.
    """
    if not await is_recent(closed, uow):
        return
    facts: Facts = {"reason": closed.event.reason}
    await _queue(closed, NotificationKind.TENANT_CLOSED, facts, closed.event.closed_at, uow)


def _amount(event: InvoiceDisputed | InvoiceDisputeClosed) -> Mapping[str, str | int | None]:
    return {"number": event.number, "amount_minor": event.amount_minor, "currency": event.currency}


async def _queue(
    envelope: Envelope[Event], kind: NotificationKind, facts: Facts, at: datetime, uow: UnitOfWork
) -> None:
    """Raises NotYet while the owner is unknown."""
    recipient_id = await owner(uow.rows)
    if recipient_id is None:
        raise NotYet("the owner of the tenant is not known yet")
    await queue_about(envelope, kind, recipient_id, facts, at, uow)


OWNER_NOTICES: Mapping[type[Event], Any] = {
    InvoiceDisputed: invoice_disputed,
    InvoiceDisputeClosed: invoice_dispute_closed,
    TenantClosed: tenant_closed,
}
