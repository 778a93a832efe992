"""The live view of revenue: a separate process in which Faust totals payments, failures and
refunds.
"""

from schemas.billing import RevenueWindowTotaled
from services.billing.live.movements import PAYMENT_EVENTS
from waypost.engine.process import Lifecycle
from waypost.kernel.event import Event
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec

TOTAL_EVENTS: frozenset[type[Event]] = frozenset({RevenueWindowTotaled})
"""The events that the view publishes."""


def open_live_view(bootstrap: Brokers, codec: EventCodec) -> Lifecycle:
    """The live view on the brokers at `bootstrap`; it connects when it is started."""
    from services.billing.live.view import LiveView  # imported here, so that other processes do not load Faust

    return LiveView(bootstrap, codec)


__all__ = ["PAYMENT_EVENTS", "TOTAL_EVENTS", "open_live_view"]
