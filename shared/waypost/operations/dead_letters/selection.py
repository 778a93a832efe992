"""Finds the dead letters that an operator's request names, and the keys that a redrive
processes.
"""

from uuid import UUID

from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import MessageParser
from waypost.kernel.errors import Conflict, Invalid, NotFound
from waypost.operations.admin_service import AdminService
from waypost.ports.consumers import Consumer, group_name
from waypost.ports.dead_letters import OPEN
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.postgres.dead_letters.redrive_selection import RedriveSelection, select_for_redrive
from waypost.postgres.dead_letters.search import Search, StoredDeadLetter, find_dead_letter


async def find(service: AdminService, dead_letter_id: UUID) -> StoredDeadLetter:
    """The dead letter with this id. Raises NotFound."""
    stored = await find_dead_letter(service.ops, dead_letter_id)
    if stored is None:
        raise NotFound(f"{service.name} has no dead letter {dead_letter_id}")
    return stored


async def select(service: AdminService, search: Search, *, limit: int | None = None) -> RedriveSelection:
    """The keys that a redrive of the matching dead letters processes, up to `limit` keys. It may be
    empty.

    Raises Invalid for a search by a settled status. For a search by id, raises NotFound, and
    Conflict if the dead letter cannot be redriven.
    """
    if search.id is not None:
        return await _select_one(service, search.id)
    refuse_settled(search, "redrive")
    return await select_for_redrive(service.ops, search, limit=limit)


def refuse_settled(search: Search, verb: str) -> None:
    """Raises Invalid for a search by a settled status."""
    if settled := sorted(set(search.statuses) - set(OPEN)):
        raise Invalid(
            f"dead letters with status {' or '.join(settled)} are settled; a {verb} accepts {', '.join(OPEN)}"
        )


def parked_key_processor_of(service: AdminService, name: str) -> ParkedKeyProcessor:
    """A processor that redrives the keys of a consumer outside the consumer's own process, with the
    handlers' own rights.

    Raises NotFound if this release has no such consumer.
    """
    consumer = consumer_of(service, name)
    transactions = PostgresConsumerTransactions(service.app, service.units, consumer, name=name)
    parser, effects = MessageParser.of(consumer, service.codec), effects_of(consumer, name)
    return ParkedKeyProcessor(name, transactions, parser, effects, ConsumerPolicy())


def consumer_of(service: AdminService, name: str) -> Consumer:
    """The consumer with this full name. Raises NotFound if this release has none."""
    for consumer in service.consumers:
        if group_name(service.name, consumer) == name:
            return consumer
    raise NotFound(f"this release has no consumer {name}: use the release that wrote the dead letter")


async def _select_one(service: AdminService, dead_letter_id: UUID) -> RedriveSelection:
    dead_letter = (await find(service, dead_letter_id)).dead_letter
    if dead_letter.status not in OPEN:
        raise Conflict(f"dead letter {dead_letter_id} is already {dead_letter.status}: there is nothing to redrive")
    selection = await select_for_redrive(service.ops, Search(id=dead_letter_id))
    if not selection.keys:
        raise Conflict(f"dead letter {dead_letter_id} contains no event to handle and parks no key: discard it")
    return selection
