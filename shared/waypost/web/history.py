"""The events of an aggregate in the form that users of its tenant see."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.web.models import ResponseModel


class EventView(ResponseModel):
    """One event, without personal data."""

    id: UUID
    type: str
    version: int
    occurred_at: datetime


def event_views(history: Sequence[Envelope[Event]]) -> Sequence[EventView]:
    return [
        EventView(
            id=envelope.event_id,
            type=envelope.event.type,
            version=envelope.aggregate_version,
            occurred_at=envelope.occurred_at,
        )
        for envelope in history
    ]
