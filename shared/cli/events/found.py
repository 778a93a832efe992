"""An event by its id, whichever service keeps it."""

from dataclasses import dataclass
from uuid import UUID

from shared.cli.databases import ask_all, opened
from shared.cli.services import chosen_services
from shared.hosting.service import Service
from shared.kernel.errors import NotFound
from shared.postgres.overview import KeptEvent, kept_event


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    service: Service
    kept: KeptEvent


async def find_event(event_id: UUID) -> FoundEvent:
    """Raises NotFound and says where it was looked for, and where it could not be."""
    services = chosen_services(None)
    found, problems = await ask_all(services, lambda service: _look_in(service, event_id))
    for each in found:
        if each is not None:
            return each
    reasons = "".join(f"\n  {each}" for each in problems)
    looked_in = ", ".join(each.name for each in services)
    raise NotFound(
        f"no event {event_id} in the event stores of {looked_in}; its id is `ce_id` in the record's headers,"
        f" and `id` in GET …/events{reasons}"
    )


async def _look_in(service: Service, event_id: UUID) -> FoundEvent | None:
    async with opened(service.name, "OWNER") as database:
        kept = await kept_event(database, event_id)
    return FoundEvent(service=service, kept=kept) if kept else None
