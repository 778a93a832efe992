"""An aggregate's events, as its tenant's people see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.web.models import ResponseModel


class EventView(ResponseModel):
    """One fact, without what it says of persons."""

    id: UUID
    type: str
    version: int
    occurred_at: datetime


def event_views(history: Sequence[Envelope[Event]]) -> Sequence[EventView]:
    return [
        EventView(id=each.event_id, type=each.event.type, version=each.aggregate_version, occurred_at=each.occurred_at)
        for each in history
    ]
