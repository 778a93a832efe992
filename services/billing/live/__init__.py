"""The live view of money: a process of its own, in which Faust adds up what is paid, fails and is
given back.
"""

from services.billing.live.movements import PAYMENT_EVENTS
from waypost.engine.process import Lifecycle
from waypost.ports.codec import EventCodec


def open_live_view(bootstrap: str, codec: EventCodec) -> Lifecycle:
    """On the broker at `bootstrap`; nothing is connected before it starts."""
    from services.billing.live.view import LiveView  # here, so that no other process loads Faust

    return LiveView(bootstrap, codec)


__all__ = ["PAYMENT_EVENTS", "open_live_view"]
