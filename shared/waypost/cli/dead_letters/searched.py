"""The services that a redrive or a discard searches."""

from collections.abc import Sequence

from waypost.cli.dead_letters.options import find
from waypost.cli.services import chosen_services, service_named
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import Search


async def services_to_search(search: Search, name: str | None) -> Sequence[Service]:
    """The service that stores the dead letter of a search by id; otherwise the named one, or all.
    Raises NotFound for an unknown dead letter or service.
    """
    if search.id is not None:
        return [service_named((await find(search.id))[0])]
    return chosen_services(name)
