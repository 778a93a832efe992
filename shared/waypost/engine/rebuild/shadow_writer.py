"""Writes the shadow's rows with the consumer's own pipeline."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.batch_processor import BatchProcessor
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.pipeline import Fenced, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import WaypostError
from waypost.kernel.ids import TenantId
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition

SHADOW_DUPLICATE_WINDOW = timedelta(days=-1)
"""The shadow's inbox remembers no event that has a sequence: an event at or below the guard's
version counts as stale, however recent.
"""

DUE_KEYS = 100
"""Keys in memory."""


class ShadowIncomplete(WaypostError):
    """A rebuild found that the database has lost some of its writes; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The result of writing some partitions."""

    records: int
    tenants: frozenset[TenantId]
    next_offsets: Mapping[Partition, int]


class _ShadowPipeline(Pipeline):
    def __init__(self, parser: MessageParser, *parts: Any) -> None:
        super().__init__(*parts)
        self._parser = parser

    async def claim(self, batch: Batch, transaction: ConsumerTransaction) -> None:
        """Claims only records without a sequence: the order guard skips the others if repeated."""
        if all(message.sequence is not None for message in batch.messages):
            batch.claimed = list(batch.messages)
        else:
            await super().claim(batch, transaction)
        batch.claimed = [message for message in batch.claimed if not self._parser.is_replaced(message)]


class ShadowWriter:
    """Processes records of one rebuild into the shadow. `name` is the shadow's."""

    def __init__(
        self, name: str, projection: AsyncProjection, parser: MessageParser, policy: ConsumerPolicy, clock: Clock
    ) -> None:
        self.name = name
        self.tenants: set[TenantId] = set()
        """Tenants of all records so far."""
        self.records = 0
        self.topic_ids: dict[Partition, UUID | None] = {}
        self._effects = effects_of(projection, name, redelivered=True)
        self._parser = parser
        self._policy = policy
        self._clock = clock
        self.next_offsets: dict[Partition, int] = {}
        """Next offset of the shadow, per partition."""

    async def begin(self, live: Mapping[Partition, ConsumerPosition], transactions: ConsumerTransactions) -> None:
        """Stores the topic ids of the live consumer and starts each partition at offset 0."""
        async with transactions.begin(()) as transaction:
            for partition, consumer_position in live.items():
                await transaction.inbox.reset_position(partition, consumer_position.topic_id)
                self.topic_ids[partition] = consumer_position.topic_id
                self.next_offsets[partition] = 0

    async def write(self, partition: Partition, records: Sequence[Record], transactions: ConsumerTransactions) -> None:
        """Processes records. Records whose transaction may be rolled back are not counted; call
        `count` for the others. Raises ShadowIncomplete.
        """
        messages = self._parser.parse_all(records)
        self.tenants |= {message.attributes.tenant_id for message in messages if message.attributes}
        pipeline = _ShadowPipeline(self._parser, self.name, transactions, self._effects, self._policy, self._clock)
        batch_processor = BatchProcessor(self.name, pipeline, transactions, self._policy, asyncio.Event())
        batch = Batch(
            partition=partition,
            expected=self.next_offsets[partition],
            topic_id=self.topic_ids[partition],
            messages=messages,
        )
        try:
            await batch_processor.process(batch)
        except Fenced as moved:
            raise incomplete(partition, batch.expected) from moved

    def count(self, partition: Partition, records: Sequence[Record]) -> None:
        """Advances past records whose transaction was committed."""
        self.next_offsets[partition] = records[-1].offset + 1
        self.records += len(records)

    async def flush(self, partition: Partition, transactions: ConsumerTransactions) -> None:
        """Everything is stored: each `write` commits."""

    def rewind(self, partition: Partition, next_offset: int, records: int) -> None:
        """Returns to an earlier offset; `records` were counted since."""
        self.next_offsets[partition] = next_offset
        self.records -= records

    def written(self, partitions: Iterable[Partition]) -> Written:
        """The result for these partitions, in a process that writes no others."""
        next_offsets = {partition: self.next_offsets[partition] for partition in partitions}
        return Written(records=self.records, tenants=frozenset(self.tenants), next_offsets=next_offsets)

    def add(self, written: Written) -> None:
        """Continues after the records that another process has written."""
        self.records += written.records
        self.tenants |= written.tenants
        self.next_offsets |= written.next_offsets

    def refuse_losses(self, stored: Mapping[Partition, ConsumerPosition]) -> None:
        """Raises ShadowIncomplete unless the shadow's stored positions are those after the last
        writes. A transaction stores rows and position together, so that equal positions prove that
        all rows are stored.
        """
        for partition, next_offset in self.next_offsets.items():
            if partition not in stored or stored[partition].next_offset != next_offset:
                raise incomplete(partition, next_offset)

    async def end_pauses(self, transactions: ConsumerTransactions) -> None:
        """Makes keys due that wait for an earlier version: it may be in another partition, whose
        rows were written without the order guard.
        """
        async with transactions.begin(()) as transaction:
            await transaction.parked_keys.end_pauses()

    async def process_parked(self, transactions: ConsumerTransactions) -> None:
        """Processes out-of-order records, which wait in dead letters for an earlier version, as the
        live consumer does.
        """
        parked_keys = ParkedKeyProcessor(self.name, transactions, self._parser, self._effects, self._policy)
        while keys := await parked_keys.due(DUE_KEYS):
            for parked in keys:
                await parked_keys.process(parked)


def incomplete(partition: Partition, next_offset: int) -> ShadowIncomplete:
    """The error for a partition whose stored position is not `next_offset`."""
    return ShadowIncomplete(
        f"the new rows of {partition} are not those of the records below {next_offset}: the database server"
        " probably crashed during the rebuild and lost its last writes. Nothing was changed; run the rebuild again"
    )
