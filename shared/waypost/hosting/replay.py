"""Replay of a reactor, for an operator, outside the reactor's own process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Message, MessageParser
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.replay import Redelivered, Redelivery, SelectedEvents, Selection, find
from waypost.hosting.runtime import Runtime, runtime_for_command
from waypost.hosting.service import Service
from waypost.kafka.catalog import partitions_of
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.audit_context import AuditContext
from waypost.ports.brokers import Brokers
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.consumers import Reactor, group_name, topics_of
from waypost.postgres.audit import record_action
from waypost.postgres.consumer_transaction import PostgresConsumerTransactions


class Replay:
    """Finds past events of a reactor in its topics and delivers them again."""

    def __init__(self, service: Service, reactor: Reactor, runtime: Runtime, bootstrap: Brokers) -> None:
        self._reactor = reactor
        self._name = group_name(service.name, reactor)
        self._runtime = runtime
        self._bootstrap = bootstrap
        self._parser = MessageParser.of(reactor, service.codec)
        self._transactions = PostgresConsumerTransactions(runtime.database, runtime.units, reactor, name=self._name)

    async def find(self, selection: Selection) -> SelectedEvents:
        """The events that match the selection. Raises Invalid for more events than fit in memory,
        and Transient.
        """
        known, topics = await partitions_of(self._bootstrap), topics_of(self._reactor)
        partitions = [partition for topic in topics for partition in known.get(topic, ())]
        async with KafkaTopicLogs(self._bootstrap).opened(partitions) as log:
            return await find(self._parser, selection, log, partitions, self._transactions)

    async def deliver(
        self,
        found: SelectedEvents,
        audit_context: AuditContext,
        *,
        rate: OperatorRate,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Redelivered:
        policy, effects = ConsumerPolicy(), effects_of(self._reactor, self._name, redelivered=True)
        retries = ParkedKeyProcessor(self._name, self._transactions, self._parser, effects, policy)

        async def record_audit(transaction: ConsumerTransaction, message: Message) -> None:
            await record_action(
                transaction.rows,
                audit_context,
                verb="replay.again",
                subject=message.event_id,
                tenant_id=message.attributes.tenant_id if message.attributes else None,
                consumer=self._name,
                key=message.key.decode(errors="replace"),
                version=message.sequence or 0,
            )

        return await Redelivery(self._transactions, effects, retries, record_audit, policy, rate).deliver(
            found, progress
        )


@asynccontextmanager
async def opened_replay(service: Service, reactor: Reactor, *, dsn: str, bootstrap: Brokers) -> AsyncIterator[Replay]:
    """A replay with the rights of the handlers: `dsn` connects as `<service>_app`."""
    async with runtime_for_command(service, dsn=dsn) as runtime:
        yield Replay(service, reactor, runtime, bootstrap)
