"""Writes the shadow of a projection with one row per aggregate: changes the rows in memory, and
stores each of them once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

import structlog

from waypost.engine.consumer.decryption import is_encrypted, readable_events
from waypost.engine.consumer.message import Message, MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.panics import panics_as_errors
from waypost.engine.rebuild.memory_rows import MemoryRows
from waypost.engine.rebuild.shadow_writer import ShadowIncomplete, ShadowWriter, incomplete
from waypost.engine.row_per_aggregate import RowPerAggregate
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Poison, Transient
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection
from waypost.ports.rebuild import ShadowTransaction, ShadowTransactions
from waypost.ports.subscription import Partition
from waypost.telemetry.messaging import batch_span

log = structlog.get_logger()
R = TypeVar("R")

AGGREGATES_IN_MEMORY = 20_000
"""Per partition. Then all are stored, and read again when they have another event."""


@dataclass(slots=True)
class _Part:
    """The state of one partition."""

    memory: MemoryRows
    stored_offset: int = 0
    records_in_memory: int = 0
    may_be_parked: bool = False
    """Whether the pipeline has processed records, which parks keys."""
    is_refused: bool = False
    """Whether the rows in memory could not be stored. The rebuild's process continues after the
    stored offset, with the pipeline.
    """


class FoldingWriter:
    """Processes records as the ShadowWriter does. They are stored by `flush`, or earlier.

    A batch whose records are all in order changes rows and versions in memory. The pipeline of the
    ShadowWriter processes every other batch: one with a record that is malformed, waits for an
    earlier version, has no version or a parked key, or whose change raises an error.
    """

    def __init__(
        self,
        shadow_writer: ShadowWriter,
        rows: RowPerAggregate,
        parser: MessageParser,
        policy: ConsumerPolicy,
        clock: Clock,
        *,
        decrypts: bool = False,
    ) -> None:
        self._shadow_writer = shadow_writer
        self._rows = rows
        self._parser = parser
        self._policy = policy
        self._clock = clock
        self._decrypts = decrypts
        self._parts: dict[Partition, _Part] = defaultdict(lambda: _Part(MemoryRows(rows)))

    async def write(self, partition: Partition, records: Sequence[Record], transactions: ShadowTransactions) -> None:
        """Raises ShadowIncomplete. Ignores records of a refused partition."""
        part = self._parts[partition]
        if len(part.memory) >= AGGREGATES_IN_MEMORY:
            await self.flush(partition, transactions)
        if part.is_refused:
            return
        parsed = [message for message in self._parser.parse_all(records) if not self._parser.is_replaced(message)]
        messages = await self._readable(parsed, transactions)
        if await self._load(partition, part, messages, transactions) and self._apply(partition, part, messages):
            self._shadow_writer.tenants |= _tenants_of(messages)
            part.records_in_memory += len(records)
            return
        await self.flush(partition, transactions)
        if not part.is_refused:
            await self._shadow_writer.write(partition, records, transactions)
            part.stored_offset, part.may_be_parked = records[-1].offset + 1, True

    def count(self, partition: Partition, records: Sequence[Record]) -> None:
        """Advances past processed records."""
        if not self._parts[partition].is_refused:
            self._shadow_writer.count(partition, records)

    async def flush(self, partition: Partition, transactions: ShadowTransactions) -> None:
        """Stores the rows in memory. If the database refuses them, this process writes no more of
        the partition, and the parent continues at the stored offset. Raises ShadowIncomplete.
        """
        part, next_offset = self._parts[partition], self._shadow_writer.next_offsets[partition]
        try:
            if next_offset != part.stored_offset:
                store = partial(self._store, partition, part, next_offset)
                await self._in_transaction(transactions, (), store, max_terminations=self._policy.max_terminations)
                part.stored_offset = next_offset
        except ShadowIncomplete:
            raise
        except Exception as error:  # noqa: BLE001 - a value of the service; the pipeline finds the record at fault
            log.warning("rebuild_rows_refused", partition=str(partition), below=next_offset, error=repr(error))
            self._shadow_writer.rewind(partition, part.stored_offset, part.records_in_memory)
            part.is_refused = True
        # Also if nothing had to be stored: the pipeline is about to change what was only read.
        part.memory, part.records_in_memory = MemoryRows(self._rows), 0

    async def _readable(self, messages: Sequence[Message], transactions: ShadowTransactions) -> Sequence[Message]:
        """The messages with readable personal data. One whose key is missing stays encrypted; so do
        all if one cannot be decrypted: the pipeline finds the record at fault.
        """
        encrypted = [message for message in messages if is_encrypted(message)] if self._decrypts else []
        if not encrypted:
            return messages
        read = partial(readable_events, encrypted)
        try:
            readable = await self._in_transaction(transactions, _tenants_of(encrypted), read)
        except Poison as error:
            log.warning("rebuild_record_unreadable", consumer=self._shadow_writer.name, error=str(error))
            return messages
        return [message._replace(envelope=readable.get(message.event_id, message.envelope)) for message in messages]

    async def _load(
        self, partition: Partition, part: _Part, messages: Sequence[Message], transactions: ShadowTransactions
    ) -> bool:
        """Reads the stored rows and versions of the messages' aggregates into memory. Returns False
        if the pipeline must process the batch: a record has no version, its key is parked, or the
        key of a person is missing.
        """
        if any(message.sequence is None or (self._decrypts and is_encrypted(message)) for message in messages):
            return False
        absent = part.memory.absent(messages) if part.stored_offset else set()
        parked = {message.key for message in messages} if part.may_be_parked else set()
        if not absent and not parked:
            return True

        async def read(transaction: ShadowTransaction) -> bool:
            if parked and await transaction.parked_keys.parked(partition.topic, parked):
                return False
            await part.memory.read(absent, partition.topic, transaction)
            return True

        return await self._in_transaction(transactions, _tenants_of(messages), read)

    def _apply(self, partition: Partition, part: _Part, messages: Sequence[Message]) -> bool:
        records = [message.record for message in messages if message.has_handler]
        kept_since = self._clock.now() - self._policy.duplicate_window
        try:
            with panics_as_errors(), batch_span(partition.topic, self._shadow_writer.name, records, redelivered=True):
                return part.memory.apply(messages, inbox_kept_since=kept_since)
        except Exception as error:  # noqa: BLE001 - code of the service; the pipeline finds the record at fault
            log.warning("rebuild_change_failed", partition=str(partition), error=repr(error))
            return False

    async def _store(self, partition: Partition, part: _Part, next_offset: int, transaction: ShadowTransaction) -> None:
        topic_id = self._shadow_writer.topic_ids[partition]
        if not await transaction.inbox.fence(
            partition, expected=part.stored_offset, next_offset=next_offset, topic_id=topic_id
        ):
            raise incomplete(partition, part.stored_offset)
        await part.memory.store(partition.topic, transaction)

    async def _in_transaction(
        self,
        transactions: ShadowTransactions,
        tenants: Iterable[TenantId],
        run: Callable[[ShadowTransaction], Awaitable[R]],
        *,
        max_terminations: int | None = None,
    ) -> R:
        """Runs it in a transaction, until no transient error ends the transaction. Raises the error
        after this number of terminations if the database is reachable: the transaction may exceed
        the limits of the role, each time.
        """
        for failures in count(1):
            try:
                async with transactions.begin(tenants) as transaction:
                    return await run(transaction)
            except Transient as error:
                log.warning("rebuild_transaction_failed", consumer=self._shadow_writer.name, error=str(error))
                if max_terminations is not None and failures >= max_terminations and await transactions.is_reachable():
                    raise
                await asyncio.sleep(self._policy.pauses.seconds(failures))
        raise AssertionError("it returns or raises")


def row_per_aggregate_of(projection: AsyncProjection) -> RowPerAggregate | None:
    """The declared row per aggregate; None for a projection with other handlers."""
    first, *others = projection.handlers.values()
    return first if isinstance(first, RowPerAggregate) and all(handler is first for handler in others) else None


def _tenants_of(messages: Iterable[Message]) -> set[TenantId]:
    return {message.attributes.tenant_id for message in messages if message.attributes}
