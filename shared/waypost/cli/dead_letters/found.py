"""A letter by its id, whichever service keeps it."""

from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import find_in_any, opened
from waypost.cli.parsing import an_id
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import StoredDeadLetter, find_dead_letter

DeadLetterId = Annotated[UUID, typer.Argument(parser=an_id, help="From `waypost dead-letters list`.")]


async def find(dead_letter_id: UUID) -> tuple[Service, StoredDeadLetter]:
    """Raises NotFound."""

    async def look_in(service: Service) -> tuple[Service, StoredDeadLetter] | None:
        async with opened(service.name) as database:
            kept = await find_dead_letter(database, dead_letter_id)
        return (service, kept) if kept else None

    hint = "`waypost dead-letters list` shows which there are"
    return await find_in_any(look_in, what=f"letter {dead_letter_id} in", hint=hint)
