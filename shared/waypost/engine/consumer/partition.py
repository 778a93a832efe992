"""One partition of one consumer: seeks to the consumer position, polls, processes and advances."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.batch_processor import BatchProcessor, Stopped
from waypost.engine.consumer.consumer_parts import ConsumerParts
from waypost.engine.consumer.guard import Decision
from waypost.engine.consumer.lost_records import LossDetector
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.message_buffer import MessageBuffer
from waypost.engine.consumer.pipeline import Fenced
from waypost.engine.consumer.reactor_batch_size import ReactorBatchSize
from waypost.engine.consumer.record_identity import identity_of
from waypost.engine.consumer.resume_position import resume_position
from waypost.engine.consumer.truncation import LogTruncated, TruncationDetector
from waypost.engine.failpoints import failpoint
from waypost.engine.panics import panics_as_errors
from waypost.engine.periodic_loop import stray_cancellation_as_error
from waypost.engine.retry import PROCESS_DIED
from waypost.kernel.errors import Transient
from waypost.ports.inbox import ReachedPosition
from waypost.ports.subscription import Partition

log = structlog.get_logger()

AFTER_POLL = failpoint("consumer.after_poll")


class PartitionTask:
    """Consumes one partition from its assignment to its revocation."""

    def __init__(self, partition: Partition, parts: ConsumerParts, predecessor: "PartitionTask | None") -> None:
        self.partition = partition
        self.position = 0
        self.topic_id: UUID | None = None
        self.positioned = asyncio.Event()
        self.advanced_at = time.monotonic()
        self.processed_ms = 0
        """Timestamp of the last processed record, in Unix milliseconds."""
        self._parts = parts
        self._predecessor = predecessor
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._processing: asyncio.Task[None] | None = None
        self._batch_processor = BatchProcessor(
            parts.name, parts.pipeline, parts.transactions, parts.policy, self._stopping
        )
        self._losses = LossDetector(parts.name, partition, parts.subscription, parts.transactions)
        self._truncation = TruncationDetector(parts.name, partition, parts.transactions)
        self._buffer = MessageBuffer(parts.policy)
        self._batch_size = ReactorBatchSize(parts.policy)
        self._first, self._poll_failed = True, False
        self._task = asyncio.create_task(self._run(), name=f"{parts.name} {partition}")

    @property
    def busy(self) -> bool:
        """Whether a batch is being processed or retried: a stop of the polls is then intended."""
        return not self._idle.is_set()

    @property
    def at_dead_letter_limit(self) -> bool:
        """Whether the partition is paused because the limit of dead letters is reached."""
        return self._batch_processor.at_dead_letter_limit

    @property
    def lost_offsets(self) -> int:
        """Number of offsets whose records were deleted before this task could read them."""
        return self._losses.lost

    @property
    def truncated(self) -> bool:
        """Whether the log has lost records that the consumer had processed."""
        return self._truncation.truncated

    @property
    def stuck(self) -> bool:
        """Whether one batch fails repeatedly."""
        return self._batch_processor.stuck

    async def end(self, deadline_seconds: float) -> None:
        """Stops consuming. The running transaction may finish by the deadline; then it is rolled
        back, and its records are read again later.

        A poll is never cancelled: it returns by itself, and its records are dropped.
        """
        self._stopping.set()
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._idle.wait()
        except TimeoutError:
            if self._processing is not None:
                self._processing.cancel()

    async def ended(self) -> None:
        """Waits for the task's end."""
        await asyncio.wait([self._task])

    def request_seek(self) -> None:
        """Makes the next poll start at the stored consumer position."""
        self.positioned.clear()

    def notice_leader(self, leader_epoch: int | None) -> None:
        """Requests a seek if the partition has a new leader, which may lack records."""
        if self._truncation.has_new_leader(leader_epoch):
            self.request_seek()

    async def _run(self) -> None:
        if self._predecessor is not None:
            # The predecessor's last poll may still receive records of this assignment: a seek is
            # effective only after that poll has returned.
            await self._predecessor.ended()
            self._predecessor = None
        while not self._stopping.is_set():
            try:
                with panics_as_errors(), stray_cancellation_as_error():
                    if not self.positioned.is_set():
                        await self._seek()
                    if not self._stopping.is_set():  # a revocation may have ended the polls during the seek
                        await self._poll()
            except Transient as error:
                log.warning(
                    "partition_waits", consumer=self._parts.name, partition=str(self.partition), error=str(error)
                )
                # The polled records are not processed, and the client has advanced past them.
                self.request_seek()
                await asyncio.sleep(self._parts.policy.pauses.first_seconds)
            except LogTruncated:
                self.request_seek()
            except Fenced as error:
                log.warning("fenced", consumer=self._parts.name, partition=str(self.partition), error=str(error))
                self.request_seek()
            except Exception:
                log.exception("partition_failed", consumer=self._parts.name, partition=str(self.partition))
                self.request_seek()
                await asyncio.sleep(self._parts.policy.pauses.max_seconds)

    async def _poll(self) -> None:
        self._poll_failed = True
        records = await self._parts.subscription.poll(
            self.partition, max_records=self._buffer.poll_records, timeout_seconds=self._buffer.poll_seconds
        )
        self._poll_failed = False
        if self._stopping.is_set() or not self.positioned.is_set():
            return  # a poll that is ended for a seek: the seek drops the buffered messages
        if records:
            records = await self._truncation.without_last(records, self.position, self.topic_id)
        if records:
            AFTER_POLL.hit()
            if records[0].offset < self._buffer.next_offset(self.position):
                # The client was reset to the beginning: the topic holds less than was read.
                self.request_seek()
                return
            if records[0].offset > (expected := self._buffer.next_offset(self.position)):
                await self._losses.check(expected)
                if self._stopping.is_set() or not self.positioned.is_set():
                    return
        messages = self._buffer.add(self._parts.parser.parse_all(records))
        if not messages:
            return
        with self._busy():
            self._processing = asyncio.create_task(self._process_messages(messages))
            await asyncio.wait([self._processing])
        if self._processing.cancelled():
            self.request_seek()  # the client has advanced past records that were not processed
        elif error := self._processing.exception():
            raise error

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    async def _process_messages(self, messages: Sequence[Message]) -> None:
        batch = Batch(partition=self.partition, expected=self.position, topic_id=self.topic_id, messages=messages)
        starts = await self._count_batch_start() if self._first else 0
        try:
            if starts >= self._parts.policy.isolate_after_starts:
                await self._isolate(batch, starts)
            elif self._parts.by_batch:
                await self._process(batch)
            else:
                await self._process_sized(batch)
        except Stopped:
            return
        self._first = False

    async def _process_sized(self, batch: Batch) -> None:
        rest: Batch | None = batch
        while rest is not None:
            if self._stopping.is_set():
                raise Stopped
            part, rest = rest.head(self._batch_size.events)
            began = time.monotonic()
            await self._process(part)
            self._batch_size.adapt(len(part.decided_as(Decision.HANDLED)), time.monotonic() - began)

    async def _process(self, batch: Batch) -> None:
        await self._batch_processor.process(batch)
        self.position = batch.next_offset
        last = batch.messages[-1].record
        self._truncation.reached.append(ReachedPosition(batch.next_offset, batch.last_record or identity_of(last)))
        self.processed_ms = last.timestamp_ms
        self.advanced_at = time.monotonic()
        self._parts.on_advance(self.partition, self.position)

    async def _isolate(self, batch: Batch, starts: int) -> None:
        """A record may end the process: processes one record at a time and counts each start before
        it.
        """
        log.warning("isolating_crashing_batch", consumer=self._parts.name, partition=str(self.partition), starts=starts)
        for part in batch.split():
            if self._stopping.is_set():
                raise Stopped
            if starts == 0:
                starts = await self._count_batch_start()
            if starts >= self._parts.policy.dead_letter_after_starts and part.to_handle:
                part.failures = {part.to_handle[0].record.offset: PROCESS_DIED}
            # Isolation lasts to the end of the batch: the count falls back to a value that keeps it
            # on, not to zero.
            part.starts = 0 if part.next_offset == batch.next_offset else self._parts.policy.isolate_after_starts - 1
            await self._process(part)
            starts = 0

    async def _count_batch_start(self) -> int:
        async with self._parts.transactions.begin(()) as transaction:
            return (await transaction.inbox.count_batch_start(self.partition)).starts

    async def _seek(self) -> None:
        """Seeks to the consumer position in the database."""
        parts = self._parts
        resumption = await resume_position(
            self.partition, parts.name, parts.subscription, parts.transactions, self._truncation.resume_at
        )
        self.topic_id, self.position = resumption.topic_id, await self._losses.skip(resumption)
        self._buffer.clear()
        parts.subscription.seek(self.partition, self._truncation.begin(resumption, self.position))
        if not self._poll_failed:  # else the client may be at its end, and must be replaced
            self.advanced_at = time.monotonic()
        self.positioned.set()
