"""A letter given up."""

from uuid import UUID

from waypost.kernel.mandate import Mandate
from waypost.operations.dead_letters.drained import Drained, entry_of
from waypost.operations.dead_letters.drains import drain_of
from waypost.operations.dead_letters.finding import find
from waypost.operations.service import OperatedService


async def discard(service: OperatedService, letter_id: UUID, mandate: Mandate) -> Drained:
    """Its event counts as handled once it is its turn; works off what waits behind it.

    Raises NotFound, Conflict for one that is settled, and Transient while somebody else works its key off.
    """
    kept = await find(service, letter_id)
    attempts = await drain_of(service, kept.consumer).discard(letter_id, mandate)
    before = Drained(consumer=kept.consumer, key=kept.letter.key or b"", letters=[entry_of(kept.letter, matches=True)])
    return await before.after(attempts, service.ops)
