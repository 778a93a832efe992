"""Which letters there are, and which keys a redrive of them works off."""

from uuid import UUID

from waypost.kernel.errors import Conflict, Invalid, NotFound
from waypost.operations.admin_service import AdminService
from waypost.ports.dead_letters import OPEN
from waypost.postgres.dead_letters.redrive_selection import Selection, select_lines
from waypost.postgres.dead_letters.search import Search, StoredDeadLetter, find_dead_letter


async def find(service: AdminService, dead_letter_id: UUID) -> StoredDeadLetter:
    """Raises NotFound."""
    kept = await find_dead_letter(service.ops, dead_letter_id)
    if kept is None:
        raise NotFound(f"{service.name} has no letter {dead_letter_id}")
    return kept


async def select(service: AdminService, search: Search, *, limit: int | None = None) -> Selection:
    """What a redrive of the letters that match works off, of so many keys; it may be nothing.

    Raises Invalid where settled letters are asked for; of one letter by its id NotFound, and
    Conflict where it cannot be redriven.
    """
    if search.id is not None:
        return await _select_one(service, search.id)
    if settled := sorted(set(search.statuses) - set(OPEN)):
        raise Invalid(f"what is {' or '.join(settled)} is settled: only {', '.join(OPEN)} letters can be redriven")
    return await select_lines(service.ops, search, limit=limit)


async def _select_one(service: AdminService, dead_letter_id: UUID) -> Selection:
    dead_letter = (await find(service, dead_letter_id)).dead_letter
    if dead_letter.status not in OPEN:
        raise Conflict(f"letter {dead_letter_id} is {dead_letter.status} already: there is nothing to redrive")
    selection = await select_lines(service.ops, Search(id=dead_letter_id))
    if not selection.lines:
        raise Conflict(
            f"letter {dead_letter_id} holds no event that could be handled; nothing waits for it: discard it"
        )
    return selection
