"""A window's totals as an event of their own."""

from dataclasses import replace
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.billing import RevenueWindowTotaled
from services.billing.live.movements import Movement, Window
from services.billing.live.totals import Totals
from shared.kernel.envelope import Envelope
from shared.kernel.event import Event
from shared.kernel.ids import EventId, TenantId


def announced(
    window: Window, movement: Movement, totals: Totals, cause: Envelope[Event]
) -> Envelope[RevenueWindowTotaled]:
    """What the window holds since `cause`. Of the same revision it is the same event, however often it is sent."""
    event = RevenueWindowTotaled(
        tenant_id=movement.tenant_id,
        window=window,
        window_start=window.start(movement.at),
        currency=movement.currency,
        paid_minor=totals.paid_minor,
        failed_minor=totals.failed_minor,
        refunded_minor=totals.refunded_minor,
        paid_count=totals.paid_count,
        failed_count=totals.failed_count,
        refunded_count=totals.refunded_count,
        revision=totals.revision,
    )
    subject = window_id(event)
    return Envelope(
        event=event,
        event_id=EventId(uuid5(subject, str(totals.revision))),
        tenant_id=TenantId(movement.tenant_id),
        aggregate_id=subject,
        aggregate_version=0,  # a topic without versions: the revision says which totals are newer
        occurred_at=cause.occurred_at,
        source=cause.source,
        cause=replace(cause.cause, causation_id=cause.event_id),
    )


def window_id(event: RevenueWindowTotaled) -> UUID:
    """Names a tenant's window in one currency: the key on the topic."""
    return uuid5(
        NAMESPACE_URL,
        f"{event.topic}/{event.tenant_id}/{event.currency}/{event.window}/{event.window_start.isoformat()}",
    )
