"""A consumer's retries without the consumer: an operator works a parked key off from outside of its
processes.
"""

from waypost.engine.consumer import ConsumerPolicy, group_name
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Reader
from waypost.kernel.errors import NotFound
from waypost.operations.admin_service import AdminService
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions


def parked_key_processor_of(service: AdminService, name: str) -> ParkedKeyProcessor:
    """With the handlers' own rights. Raises NotFound where this release has no such consumer."""
    for consumer in service.consumers:
        if group_name(service.name, consumer) == name:
            transactions = PostgresConsumerTransactions(service.app, service.units, consumer, name=name)
            reader, effects = Reader.of(consumer, service.codec), effects_of(consumer, name)
            return ParkedKeyProcessor(name, transactions, reader, effects, ConsumerPolicy(), service.clock)
    raise NotFound(f"this release has no consumer {name}: take the release that wrote the letter")
