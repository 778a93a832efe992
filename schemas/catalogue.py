"""Every event class there is, by its type. A new service adds its generated module here."""

from collections.abc import Mapping

from schemas import billing, notifications, users
from shared.kernel.event import Event

EVENTS: Mapping[str, type[Event]] = {
    event.type: event for module in (users, billing, notifications) for event in module.EVENTS
}
