"""A letter by its id, whichever service keeps it."""

from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import find_in_any, opened
from waypost.cli.given import an_id
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import KeptLetter, find_letter

LetterId = Annotated[UUID, typer.Argument(parser=an_id, help="From `waypost dead-letters list`.")]


async def find(letter_id: UUID) -> tuple[Service, KeptLetter]:
    """Raises NotFound."""

    async def look_in(service: Service) -> tuple[Service, KeptLetter] | None:
        async with opened(service.name) as database:
            kept = await find_letter(database, letter_id)
        return (service, kept) if kept else None

    hint = "`waypost dead-letters list` shows which there are"
    return await find_in_any(look_in, what=f"letter {letter_id} in", hint=hint)
