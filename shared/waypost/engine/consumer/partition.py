"""One partition of one consumer: reads where it stands, polls, takes in, moves on."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.batch_processor import BatchProcessor, Stopped
from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.pipeline import Fenced, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.resuming import where_to_resume
from waypost.engine.failpoints import failpoint
from waypost.engine.retry.failure import PROCESS_DIED
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition, Subscription

log = structlog.get_logger()

AFTER_POLL = failpoint("consumer.after_poll")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all partitions of a consumer share."""

    name: str
    subscription: Subscription
    transactions: ConsumerTransactions
    pipeline: Pipeline
    reader: Reader
    by_batch: bool
    policy: ConsumerPolicy
    moved: Callable[[Partition, int], None]
    """Told the next offset after each transaction."""


class PartitionTask:
    """From its assignment to its revocation."""

    def __init__(self, partition: Partition, parts: Parts, predecessor: "PartitionTask | None") -> None:
        self.partition = partition
        self.position = 0
        self.topic_id: UUID | None = None
        self.taken_up = asyncio.Event()
        self.moved_at = time.monotonic()
        self.reached_ms = 0
        """Timestamp of the last record that was taken in, in Unix milliseconds."""
        self._parts = parts
        self._predecessor = predecessor
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._taking: asyncio.Task[None] | None = None
        self._batch_processor = BatchProcessor(
            parts.name, parts.pipeline, parts.transactions, parts.policy, self._stopping
        )
        self._first = True
        self._task = asyncio.create_task(self._run(), name=f"{parts.name} {partition}")

    @property
    def busy(self) -> bool:
        """Whether records are being taken in, or tried again: a wait that is meant."""
        return not self._idle.is_set()

    @property
    def waits_for_room(self) -> bool:
        """Whether no letter can be kept, so that it goes no further."""
        return self._batch_processor.waits_for_room

    @property
    def stuck(self) -> bool:
        """Whether one batch fails again and again."""
        return self._batch_processor.stuck

    async def end(self, deadline_seconds: float) -> None:
        """Takes up nothing more. The running transaction may end by the deadline; then it is rolled
        back, and its records come again.

        A poll is never cancelled: it returns by itself, and what it brings is dropped.
        """
        self._stopping.set()
        try:
            await asyncio.wait_for(self._idle.wait(), deadline_seconds)
        except TimeoutError:
            if self._taking is not None:
                self._taking.cancel()

    async def ended(self) -> None:
        await asyncio.wait([self._task])

    def look_again(self) -> None:
        """Makes the next poll start from what the database says."""
        self.taken_up.clear()

    async def _run(self) -> None:
        if self._predecessor is not None:
            # Its last poll may still take records of the new assignment: only after it has returned
            # does a seek hold.
            await self._predecessor.ended()
            self._predecessor = None
        while not self._stopping.is_set():
            try:
                if not self.taken_up.is_set():
                    await self._take_up()
                await self._poll()
            except Transient as error:
                log.warning(
                    "partition_waits", consumer=self._parts.name, partition=str(self.partition), error=str(error)
                )
                # What was polled is not taken in, and the client has moved past it.
                self.look_again()
                await asyncio.sleep(self._parts.policy.pauses.first_seconds)
            except Fenced as error:
                log.warning("fenced", consumer=self._parts.name, partition=str(self.partition), error=str(error))
                self.look_again()
            except Exception:
                log.exception("partition_failed", consumer=self._parts.name, partition=str(self.partition))
                self.look_again()
                await asyncio.sleep(self._parts.policy.pauses.most_seconds)

    async def _poll(self) -> None:
        policy = self._parts.policy
        records = await self._parts.subscription.poll(
            self.partition, max_records=policy.max_records, timeout_seconds=policy.poll_seconds
        )
        if not records or self._stopping.is_set():
            return
        AFTER_POLL.hit()
        if records[0].offset < self.position:
            # The broker sent us back to the beginning: there is less in the topic than we have
            # read.
            self.look_again()
            return
        with self._taking_in():
            self._taking = asyncio.create_task(self._take(records))
            await asyncio.wait([self._taking])
        if self._taking.cancelled():
            self.look_again()  # the client has moved past records that were not taken in
        elif error := self._taking.exception():
            raise error

    @contextmanager
    def _taking_in(self) -> Iterator[None]:
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    async def _take(self, records: Sequence[Record]) -> None:
        messages = self._parts.reader.read_all(records)
        batch = Batch(partition=self.partition, expected=self.position, topic_id=self.topic_id, messages=messages)
        starts = await self._count_start() if self._first else 0
        try:
            if starts >= self._parts.policy.careful_from:
                await self._take_carefully(batch, starts)
            elif self._parts.by_batch:
                await self._taken(batch)
            else:
                await self._each(batch)
        except Stopped:
            return
        self._first = False

    async def _each(self, batch: Batch) -> None:
        for part in batch.one_by_one():
            if self._stopping.is_set():
                raise Stopped
            await self._taken(part)

    async def _taken(self, batch: Batch) -> None:
        await self._batch_processor.take(batch)
        self.position = batch.next_offset
        self.reached_ms = batch.messages[-1].record.timestamp_ms
        self.moved_at = time.monotonic()
        self._parts.moved(self.partition, self.position)

    async def _take_carefully(self, batch: Batch, starts: int) -> None:
        """Something in here may end the process: one record at a time, each counted before it is
        tried.
        """
        log.warning("isolating_poison_batch", consumer=self._parts.name, partition=str(self.partition), starts=starts)
        for part in batch.one_by_one():
            if self._stopping.is_set():
                raise Stopped
            if starts == 0:
                starts = await self._count_start()
            if starts >= self._parts.policy.suspect_from and part.wanted:
                part.failures = {part.wanted[0].record.offset: PROCESS_DIED}
            # Cautious to the end of the batch: the count falls back to where it calls for care, not
            # to zero.
            part.starts = 0 if part.next_offset == batch.next_offset else self._parts.policy.careful_from - 1
            await self._taken(part)
            starts = 0

    async def _count_start(self) -> int:
        async with self._parts.transactions.begin(()) as transaction:
            return (await transaction.inbox.count_start(self.partition)).starts

    async def _take_up(self) -> None:
        """Goes where the database says."""
        resumption = await where_to_resume(
            self.partition, self._parts.name, self._parts.subscription, self._parts.transactions
        )
        self.topic_id, self.position = resumption.topic_id, resumption.offset
        self._parts.subscription.seek(self.partition, self.position)
        self.moved_at = time.monotonic()
        self.taken_up.set()
