"""Adopts the event of a version conflict."""

from dataclasses import dataclass
from uuid import UUID

from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.consumer.dead_letters.adoption import Adoption
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import MessageParser
from waypost.kernel.audit_context import AuditContext
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters.selection import consumer_of, find
from waypost.ports.consumers import Reactor
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    id: UUID
    consumer: str
    needs_rebuild: bool
    """Whether the rows of the projection contain the replaced event until they are rebuilt."""


async def adopt(service: AdminService, dead_letter_id: UUID, audit_context: AuditContext) -> Adopted:
    """The event of the dead letter replaces the one that the consumer handled under its version. A
    reactor handles it now; the effects of the replaced one stay. A rebuild of an async projection
    reads it instead of the replaced one.

    Raises NotFound, Conflict for another dead letter than an open version conflict or if the
    handler fails, and Transient.
    """
    name = (await find(service, dead_letter_id)).consumer
    consumer = consumer_of(service, name)
    is_reactor = isinstance(consumer, Reactor)
    adoption = Adoption(
        name,
        PostgresConsumerTransactions(service.app, service.units, consumer, name=name),
        MessageParser.of(consumer, service.codec),
        effects_of(consumer, name) if is_reactor else None,
        ConsumerPolicy(),
    )
    await adoption.adopt(dead_letter_id, audit_context)
    return Adopted(id=dead_letter_id, consumer=name, needs_rebuild=not is_reactor)
