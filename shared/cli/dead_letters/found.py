"""A letter by its id, whichever service keeps it, and the consumer that it belongs to."""

from dataclasses import dataclass
from uuid import UUID

from shared.cli.databases import ask_all, opened
from shared.cli.services import chosen_services
from shared.engine.consumer import group_name
from shared.hosting.service import Service
from shared.kernel.errors import NotFound
from shared.ports.handlers import Consumer
from shared.postgres.letter_search import KeptLetter, find_letter


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLetter:
    service: Service
    kept: KeptLetter

    @property
    def consumer(self) -> Consumer:
        """Raises NotFound where this release has no such consumer."""
        for each in self.service.consumers:
            if group_name(self.service.name, each) == self.kept.consumer:
                return each
        raise NotFound(f"this release has no consumer {self.kept.consumer}: take the release that wrote the letter")


async def find(letter_id: UUID) -> FoundLetter:
    """Raises NotFound."""
    services = chosen_services(None)
    found, problems = await ask_all(services, lambda service: look_in(service, letter_id))
    for each in found:
        if each is not None:
            return each
    reasons = "".join(f"\n  {each}" for each in problems)
    looked_in = ", ".join(each.name for each in services)
    raise NotFound(f"no letter {letter_id} in {looked_in}; `waypost dead-letters list` shows which there are{reasons}")


async def look_in(service: Service, letter_id: UUID) -> FoundLetter | None:
    async with opened(service.name) as database:
        kept = await find_letter(database, letter_id)
    return FoundLetter(service=service, kept=kept) if kept else None
