"""The events of an aggregate in the form that users of its tenant see."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork
from waypost.web.models import ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by


class EventView(ResponseModel):
    """One event, without personal data."""

    id: UUID
    type: str
    version: int
    occurred_at: datetime


VersionPage = Annotated[PageRequest[int], paged_by(int)]
"""A page of events, by version."""


async def event_page(kind: type[Aggregate], id: UUID, page: PageRequest[int], uow: UnitOfWork) -> Page[EventView]:  # noqa: A002 - an aggregate's id is its id
    """A page of the aggregate's events, oldest first; empty if the bound tenants have none."""
    history = await uow.events.history(kind.aggregate_type, id, after=page.after or 0, limit=page.rows)
    return page.of(history, _view, position=lambda envelope: envelope.aggregate_version)


def _view(envelope: Envelope[Event]) -> EventView:
    return EventView(
        id=envelope.event_id,
        type=envelope.event.type,
        version=envelope.aggregate_version,
        occurred_at=envelope.occurred_at,
    )
