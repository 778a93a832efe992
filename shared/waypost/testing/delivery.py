"""Events to a consumer's handlers, in the consumer's own transaction, without Kafka."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from waypost.engine.consumer import group_name
from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Message, Reader
from waypost.hosting.runtime import Runtime
from waypost.hosting.service import Service
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import Consumer
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions
from waypost.testing.envelopes import record_of


class Delivery:
    """To one consumer. Claims in the inbox, handlers, effects and commit are the product's; offsets
    and dead letters are left out.
    """

    def __init__(self, service: Service, runtime: Runtime, consumer: Consumer) -> None:
        name = group_name(service.name, consumer)
        self._codec = service.codec
        self._reader = Reader.of(consumer, service.codec)
        self._effects = effects_of(consumer, name)
        self._transactions = PostgresConsumerTransactions(runtime.database, runtime.units, consumer, name=name)

    async def deliver(self, envelopes: Sequence[Envelope[Any]], *, repeat: bool) -> None:
        """Raises what a handler raises; its transaction is rolled back then. `repeat` passes events
        that were handled before.
        """
        messages = [self._reader.read(record_of(each, self._codec)) for each in envelopes]
        for poison in (each.poison for each in messages if each.poison):
            raise poison
        wanted = [message for message in messages if message.has_handler]
        for topic, of_topic in groupby(wanted, key=lambda each: each.record.topic):
            together = list(of_topic)
            for some in [together] if self._effects.by_batch else [[each] for each in together]:
                await self._process(Partition(topic, 0), some, repeat=repeat)

    async def _process(self, partition: Partition, messages: Sequence[Message], *, repeat: bool) -> None:
        batch = Batch(partition=partition, expected=0, topic_id=None, messages=messages, step="handle")
        async with self._transactions.begin(batch.tenants) as transaction:
            fresh = set(await transaction.inbox.claim(partition, [_entry(each) for each in messages]))
            taken = [each for each in messages if repeat or each.event_id in fresh]
            if taken:
                await self._effects.run(taken, batch, transaction)
        batch.run_after_commit()


def _entry(message: Message) -> InboxEntry:
    if message.envelope is None:
        raise ValueError(f"{message.event_id} is of no event that this consumer handles")
    tenant_id = message.envelope.tenant_id
    return InboxEntry(
        event_id=message.event_id, tenant_id=tenant_id, offset=message.record.offset, sequence=message.sequence
    )
