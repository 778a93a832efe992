"""The consumer's own way of taking records in, into the new rows."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.batch_processor import BatchProcessor
from waypost.engine.consumer.drain import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.pipeline import Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.turns import Outcome
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Record
from waypost.kernel.ids import TenantId
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.consumers import AsyncProjection
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition

NEVER_REMEMBERS = timedelta(days=-1)
"""The shadow's inbox knows no event that has a sequence: what is at or below its guard comes again,
however young.
"""


class ShadowWriter:
    """One rebuild's. `name` is the shadow's."""

    def __init__(
        self, name: str, projector: AsyncProjection, reader: Reader, policy: ConsumerPolicy, clock: Clock
    ) -> None:
        self.tenants: set[TenantId] = set()
        """Of all records met."""
        self.records = 0
        self.topic_ids: dict[Partition, UUID | None] = {}
        self._name = name
        self._effects = effects_of(projector, name, again=True)
        self._reader = reader
        self._policy = policy
        self._clock = clock
        self._gaps: frozenset[ParkedKey] = frozenset()
        self._taken_in: dict[Partition, int] = {}
        """Up to which offset the new rows hold the topic."""

    async def begin(self, live: Mapping[Partition, ConsumerPosition], transactions: ConsumerTransactions) -> None:
        async with transactions.begin(()) as transaction:
            for partition, consumer_position in live.items():
                await transaction.inbox.start_over(partition, consumer_position.topic_id)
                self.topic_ids[partition] = consumer_position.topic_id
                self._taken_in[partition] = 0

    async def take(self, partition: Partition, records: Sequence[Record], transactions: ConsumerTransactions) -> None:
        """What may be rolled back is not counted: `count` what is there to stay."""
        messages = self._reader.read_all(records)
        self.tenants |= {message.attributes.tenant_id for message in messages if message.attributes}
        pipeline = Pipeline(self._name, transactions, self._effects, self._policy, self._clock)
        batch_processor = BatchProcessor(self._name, pipeline, transactions, self._policy, asyncio.Event())
        await batch_processor.take(
            Batch(
                partition=partition,
                expected=self._taken_in[partition],
                topic_id=self.topic_ids[partition],
                messages=messages,
            )
        )

    def count(self, partition: Partition, records: Sequence[Record]) -> None:
        self._taken_in[partition] = records[-1].offset + 1
        self.records += len(records)

    async def process_waiting(self, transactions: ConsumerTransactions) -> None:
        """Records that lie on the topic before an earlier version of theirs wait for it in letters,
        as they did for the live consumer.
        """
        drain = ParkedKeyProcessor(self._name, transactions, self._reader, self._effects, self._policy, self._clock)
        looked_at = set[ParkedKey]()
        # Whose gap was seen would be left alone for a second: here it may have been filled since.
        keys = {*self._gaps, *await drain.due()}
        while keys:
            for parked in keys:
                attempts = await drain.work_off(parked, at_once=parked in self._gaps)
                if attempts[-1].outcome is Outcome.GAP:
                    self._gaps = self._gaps | {parked}
            looked_at |= keys
            keys = set(await drain.due()) - looked_at
