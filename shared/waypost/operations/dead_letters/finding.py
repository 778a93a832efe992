"""Which letters there are, and which keys a redrive of them works off."""

from uuid import UUID

from waypost.kernel.errors import Conflict, Invalid, NotFound
from waypost.operations.service import OperatedService
from waypost.ports.dead_letters import OPEN
from waypost.postgres.dead_letters.redrive_selection import Selection, select_lines
from waypost.postgres.dead_letters.search import KeptLetter, Search, find_letter


async def find(service: OperatedService, letter_id: UUID) -> KeptLetter:
    """Raises NotFound."""
    kept = await find_letter(service.ops, letter_id)
    if kept is None:
        raise NotFound(f"{service.name} has no letter {letter_id}")
    return kept


async def select(service: OperatedService, search: Search, *, limit: int | None = None) -> Selection:
    """What a redrive of the letters that match works off, of so many keys; it may be nothing.

    Raises Invalid where settled letters are asked for; of one letter by its id NotFound, and Conflict where it cannot be redriven.
    """
    if search.id is not None:
        return await _select_one(service, search.id)
    if settled := sorted(set(search.statuses) - set(OPEN)):
        raise Invalid(f"what is {' or '.join(settled)} is settled: only {', '.join(OPEN)} letters can be redriven")
    return await select_lines(service.ops, search, limit=limit)


async def _select_one(service: OperatedService, letter_id: UUID) -> Selection:
    letter = (await find(service, letter_id)).letter
    if letter.status not in OPEN:
        raise Conflict(f"letter {letter_id} is {letter.status} already: there is nothing to redrive")
    selection = await select_lines(service.ops, Search(id=letter_id))
    if not selection.lines:
        raise Conflict(f"letter {letter_id} holds no event that could be handled; nothing waits for it: discard it")
    return selection
