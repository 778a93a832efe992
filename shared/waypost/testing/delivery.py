"""Delivers events to a consumer's handlers in the consumer's transaction, without Kafka."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Message, MessageParser
from waypost.hosting.runtime import Runtime
from waypost.hosting.service import Service
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Consumer, group_name
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.testing.envelopes import record_of


class Delivery:
    """Delivers to one consumer. Inbox claims, handlers, effects and commit are the production code;
    offsets and dead letters are omitted.
    """

    def __init__(self, service: Service, runtime: Runtime, consumer: Consumer) -> None:
        name = group_name(service.name, consumer)
        self._codec = service.codec
        self._parser = MessageParser.of(consumer, service.codec)
        self._effects = effects_of(consumer, name)
        self._transactions = PostgresConsumerTransactions(runtime.database, runtime.units, consumer, name=name)

    async def deliver(self, envelopes: Sequence[Envelope[Any]], *, repeat: bool) -> None:
        """Raises the error of a handler, whose transaction is rolled back. With `repeat`, delivers
        also events that were handled before.
        """
        messages = [self._parser.parse(record_of(envelope, self._codec)) for envelope in envelopes]
        for poison in (message.poison for message in messages if message.poison):
            raise poison
        wanted = [message for message in messages if message.has_handler]
        for topic, of_topic in groupby(wanted, key=lambda message: message.record.topic):
            together = list(of_topic)
            for batch in [together] if self._effects.by_batch else [[message] for message in together]:
                await self._process(Partition(topic, 0), batch, repeat=repeat)

    async def _process(self, partition: Partition, messages: Sequence[Message], *, repeat: bool) -> None:
        batch = Batch(partition=partition, expected=0, topic_id=None, messages=messages, step="handle")
        async with self._transactions.begin(batch.tenants) as transaction:
            fresh = set(await transaction.inbox.claim(partition, [_entry(message) for message in messages]))
            selected = [message for message in messages if repeat or message.event_id in fresh]
            if selected:
                await self._effects.run(selected, batch, transaction)
        batch.run_after_commit()


def _entry(message: Message) -> InboxEntry:
    if message.envelope is None:
        raise ValueError(f"{message.event_id} is not an event that this consumer handles")
    tenant_id = message.envelope.tenant_id
    return InboxEntry(
        event_id=message.event_id, tenant_id=tenant_id, offset=message.record.offset, sequence=message.sequence
    )
