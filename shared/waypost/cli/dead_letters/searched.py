"""The selection of a redrive or a discard, and the services that it searches."""

from collections.abc import Sequence
from uuid import UUID

import typer

from waypost.cli.dead_letters.options import find
from waypost.cli.services import chosen_services, service_named
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import Search


def require_one_selection(dead_letter_id: UUID | None, search: Search, service: str | None) -> None:
    """Raises BadParameter unless there is either an id or a filter."""
    if (dead_letter_id is not None) == (search != Search() or service is not None):
        raise typer.BadParameter(
            "select dead letters: one by its id, or several by a filter (--status dead selects every dead one)"
        )


async def services_to_search(search: Search, name: str | None) -> Sequence[Service]:
    """The service that stores the dead letter of a search by id; otherwise the named one, or all.
    Raises NotFound for an unknown dead letter or service.
    """
    if search.id is not None:
        return [service_named((await find(search.id))[0])]
    return chosen_services(name)
