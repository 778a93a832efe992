"""The relay's work under one lease and one producer. The first error of either ends the term."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from waypost.engine.by_partition import by_partition
from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import stray_cancellation_as_error
from waypost.engine.relay.chunk import Chunk, NotAcknowledged, RowsRejected
from waypost.engine.relay.deletions import Deletions
from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.lanes import Lanes
from waypost.engine.relay.ownership import Ownership
from waypost.engine.relay.state import RelayState
from waypost.ports.broker import NotSent, PartitionFailed, Publisher, TopicUnavailable
from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.telemetry import metrics

AFTER_SELECT = failpoint("relay.after_select")
AFTER_SEND = failpoint("relay.after_send")
AFTER_ACK = failpoint("relay.after_ack")
AFTER_DELETE = failpoint("relay.after_delete")

SEND_SECONDS = 5.0
"""Time limit of one send, from the end of the send before it in its lane. It does not apply while
the sender knows why its partition accepts no records.
"""
BUSY_SECONDS = 0.02
IDLE_SECONDS = 5.0
CHUNKS_IN_FLIGHT = 2
"""Limit, in full reads, while the next chunks are read: one is sent, one deleted."""


class Term:
    """Publishes until the session or the producer is lost, which drops every chunk in flight.

    A partition that fails drops only its own chunks: one that was read after a failed one must not
    overtake it. Their rows are read again.
    """

    def __init__(self, state: RelayState, wakeup: asyncio.Event, draining: asyncio.Event, ready: asyncio.Event) -> None:
        self.made_progress = False
        """Whether a record was acknowledged."""
        self._state = state
        self._wakeup = wakeup
        self._draining = draining
        self._ready = ready
        """Set after the first read, which may wait for standbys."""
        self._in_flight = InFlight()
        self._failure: NotAcknowledged | PartitionFailed | None = None
        """The first partition that needs another producer."""
        self._backoff = IdleBackoff()

    async def run(self, lease: OutboxLease, publisher: Publisher) -> None:
        """Publishes until the relay drains. Raises an ExceptionGroup of the term's errors."""
        self._lease = lease
        self._lanes = Lanes(publisher)
        self._deletions = Deletions(lease, self._in_flight)
        self._ownership = Ownership(lease, self._in_flight, self._wakeup)
        try:
            async with asyncio.TaskGroup() as tasks:
                maintaining = tasks.create_task(self._ownership.maintain())
                await self._publish()
                maintaining.cancel()
        finally:
            await self._deletions.finish()

    async def _publish(self) -> None:
        """Reads until the relay drains, or a partition needs another producer.

        The next read is requested before the records of a page are built, and returns after that:
        if a row is unreadable, the chunks behind it are dropped before they begin.
        """
        async with asyncio.TaskGroup() as deliveries:
            while not self._draining.is_set() and self._failure is None:
                self._wakeup.clear()
                await self._state.rejected_rows.quarantine(self._lease)
                chunks, more = await self._read()
                if not self._draining.is_set():
                    self._ready.set()
                if chunks:
                    self._backoff.reset()
                    AFTER_SELECT.hit()
                    for chunk in chunks:
                        deliveries.create_task(self._deliver(chunk))
                    await self._in_flight.until_at_most(CHUNKS_IN_FLIGHT * self._state.read_size.rows)
                if not more:
                    await self._backoff.wait(self._wakeup)
            if self._failure is not None:
                await self._in_flight.until_at_most(0)
                raise self._failure

    async def _read(self) -> tuple[list[Chunk], bool]:
        """Reads each shard from its head and excludes rows in flight by id, so that a row that was
        committed late is not missed. Also returns whether the read left rows: put aside, or beyond
        a limit. If it left none, only rows that are committed later remain, and their wake-up
        follows.
        """
        shards = self._ownership.readable
        if not shards:
            return [], False
        size = self._state.read_size
        rows_per_shard, bytes_per_shard = (-(-limit // len(shards)) for limit in (size.rows, size.bytes))
        self._lanes.begin_read()
        with self._in_flight.reading(shards):
            pending = await self._lease.read_pending(
                shards,
                in_flight=self._in_flight.ids,
                held=self._state.held_rows.now() | self._in_flight.slow_shard_topics(),
                rows_per_shard=rows_per_shard,
                bytes_per_shard=bytes_per_shard,
            )
            chunks = await self._chunks(pending)
            for chunk in chunks:
                self._in_flight.add(chunk)
        put_aside = sum(len(chunk.rows) for chunk in chunks) < len(pending)
        at_limit = len(pending) >= rows_per_shard or sum(len(row.payload) for row in pending) >= bytes_per_shard
        return chunks, put_aside or at_limit

    async def _chunks(self, pending: Sequence[PendingRow]) -> list[Chunk]:
        """A chunk for each partition. Rows of unavailable topics are put aside, and those of
        partitions that failed during the read: they may be behind rows that it did not see.
        """
        partitioned = await by_partition(pending, self._partitions)
        return [
            Chunk(self._lanes.lane(partition), self._state.next_to_send(partition, rows))
            for partition, rows in partitioned.items()
            if not self._lanes.failed_during_read(partition)
        ]

    async def _partitions(self, topic: str) -> int:
        try:
            return await self._lanes.partitions(topic)
        except TopicUnavailable as missing:
            self._state.hold_topic(missing)
            return 0

    async def _deliver(self, chunk: Chunk) -> None:
        if chunk not in self._in_flight:
            return
        with stray_cancellation_as_error():
            try:
                await self._send(chunk)
            except NotSent:
                self._drop(chunk)
            except RowsRejected as rejected:
                self._state.record_rejection(chunk.lane, rejected)
                self._drop(chunk)
            except (NotAcknowledged, PartitionFailed) as error:
                self._failure = self._failure or error
                self._state.record_failed_partition(chunk.lane, error)
                self._drop(chunk)
            else:
                await self._delete(chunk)

    def _drop(self, chunk: Chunk) -> None:
        """Drops a chunk that failed, and those behind it, in one step: the next read finds all of
        their rows, or none.
        """
        for dropped in self._in_flight.behind(chunk):
            self._lease.put_back(dropped.rows)
            self._in_flight.remove(dropped)
        self._lanes.record_failure(chunk)
        self._wakeup.set()

    async def _send(self, chunk: Chunk) -> None:
        with chunk.sending():
            sent = asyncio.create_task(chunk.lane.sender.send(chunk.records))
            try:
                await asyncio.sleep(0)
                AFTER_SEND.hit()
                await self._acknowledgement(chunk, sent)
            finally:
                sent.cancel()
        chunk.acknowledged = True
        self.made_progress = True
        self._state.record_success(chunk)
        AFTER_ACK.hit()

    async def _acknowledgement(self, chunk: Chunk, sent: asyncio.Task[None]) -> None:
        """Awaits the send. Its time starts when the one before it in its lane has ended, for which
        the sender makes it wait. Raises NotAcknowledged.
        """
        lane = chunk.lane
        before, lane.latest_send = lane.latest_send, sent
        if before:
            await asyncio.wait([before, sent], return_when=asyncio.FIRST_COMPLETED)
        while not (await asyncio.wait([sent], timeout=SEND_SECONDS))[0]:
            if (reason := lane.sender.held_because) is None:
                raise NotAcknowledged(chunk)
            self._state.held_partitions.report(str(lane.partition), reason)
        await sent

    async def _delete(self, chunk: Chunk) -> None:
        """Deletes acknowledged rows, also when another chunk fails meanwhile and ends the term."""
        await self._deletions.delete(chunk)
        AFTER_DELETE.hit()
        metrics.OUTBOX_PUBLISHED.inc(len(chunk.rows))
        if self._in_flight.remove(chunk):
            self._wakeup.set()


class IdleBackoff:
    """The pause of an idle relay: a lost wake-up costs 20 ms under load, and at most five seconds
    after a long idle time.
    """

    def __init__(self) -> None:
        self._seconds = BUSY_SECONDS

    def reset(self) -> None:
        """Returns to the shortest pause."""
        self._seconds = BUSY_SECONDS

    async def wait(self, wakeup: asyncio.Event) -> None:
        """Waits for a wake-up or the end of the pause; each idle pause doubles the next one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds * random.uniform(0.8, 1)):  # noqa: S311 - jitter
                await wakeup.wait()
        self._seconds = min(self._seconds * 2, IDLE_SECONDS)
