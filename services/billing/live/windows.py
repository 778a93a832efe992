"""The windows in which money is totaled, and the event that publishes a window's totals."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from schemas.billing import RevenueWindowTotaled
from services.billing.live.movements import MoneyMovement
from services.billing.live.totals import Totals
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId


class Window(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self]

    def start(self, at: datetime) -> datetime:
        """The start of the window that contains `at`. Windows count from the Unix epoch: days begin
        at midnight UTC.
        """
        seconds = int(self.length.total_seconds())
        return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


_LENGTHS: Mapping[Window, timedelta] = {
    Window.MINUTE: timedelta(minutes=1),
    Window.HOUR: timedelta(hours=1),
    Window.DAY: timedelta(days=1),
}


def totals_event(
    window: Window, movement: MoneyMovement, totals: Totals, cause: Envelope[Event]
) -> Envelope[RevenueWindowTotaled]:
    """The window's totals as an event, caused by `cause`. The same revision gives the same event
    id, also when it is sent again.
    """
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
        aggregate_version=0,  # the topic has no versions: the revision orders the totals
        occurred_at=cause.occurred_at,
        source=cause.source,
        cause=cause.cause._replace(causation_id=cause.event_id),
    )


def window_id(event: RevenueWindowTotaled) -> UUID:
    """The id of a tenant's window in one currency: the key on the topic."""
    return uuid5(
        NAMESPACE_URL,
        f"{event.topic}/{event.tenant_id}/{event.currency}/{event.window}/{event.window_start.isoformat()}",
    )
