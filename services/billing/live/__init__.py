"""The live view of revenue: a separate process in which Faust totals payments, failures and
refunds.
"""

from services.billing.live.movements import PAYMENT_EVENTS
from waypost.engine.process import Lifecycle
from waypost.ports.brokers import Brokers
from waypost.ports.codec import EventCodec


def open_live_view(bootstrap: Brokers, codec: EventCodec) -> Lifecycle:
    """The live view on the brokers at `bootstrap`; it connects when it is started."""
    from services.billing.live.view import LiveView  # imported here, so that other processes do not load Faust

    return LiveView(bootstrap, codec)


__all__ = ["PAYMENT_EVENTS", "open_live_view"]
