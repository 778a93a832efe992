"""Finds an event in the event stores."""

from dataclasses import dataclass
from uuid import UUID

from waypost.cli.answers import find_in_any
from waypost.cli.reads import reading
from waypost.postgres.overview import StoredEventRow, stored_event


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    service: str
    row: StoredEventRow


async def find_event(event_id: UUID) -> FoundEvent:
    """The stored event and its service. Raises NotFound."""

    async def find_in(service: str) -> FoundEvent | None:
        async with reading(service, "OWNER") as reads:
            row = await stored_event(reads, event_id)
        return FoundEvent(service=service, row=row) if row else None

    what = f"event {event_id} in the event stores of"
    hint = "the id is `ce_id` in the record's headers, and `id` in GET …/events"
    return await find_in_any(find_in, what=what, hint=hint)
