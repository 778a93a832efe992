"""An event by its id, whichever service keeps it."""

from dataclasses import dataclass
from uuid import UUID

from waypost.cli.databases import find_in_any, opened
from waypost.hosting.service import Service
from waypost.postgres.overview import StoredEventRow, stored_event


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    service: Service
    kept: StoredEventRow


async def find_event(event_id: UUID) -> FoundEvent:
    """Raises NotFound."""
    what = f"event {event_id} in the event stores of"
    hint = "its id is `ce_id` in the record's headers, and `id` in GET …/events"
    return await find_in_any(lambda service: _look_in(service, event_id), what=what, hint=hint)


async def _look_in(service: Service, event_id: UUID) -> FoundEvent | None:
    async with opened(service.name, "OWNER") as database:
        kept = await stored_event(database, event_id)
    return FoundEvent(service=service, kept=kept) if kept else None
