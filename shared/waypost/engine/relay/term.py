"""The relay's work under one lease and one producer. The first error ends the term."""

import asyncio
import contextlib
import random

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import stray_cancellation_as_error
from waypost.engine.relay.chunk import Chunk, NotAcknowledged, by_topic
from waypost.engine.relay.deletions import Deletions
from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.ownership import Ownership
from waypost.engine.relay.state import RelayState
from waypost.ports.broker import Publisher
from waypost.ports.outbox import OutboxLease
from waypost.telemetry import metrics

AFTER_SELECT = failpoint("relay.after_select")
AFTER_SEND = failpoint("relay.after_send")
AFTER_ACK = failpoint("relay.after_ack")
AFTER_DELETE = failpoint("relay.after_delete")

SEND_SECONDS = 5.0
"""Time limit of one send, from the end of the send before it in its topic. An idempotent producer
retries without limit and takes 17 s to find a restarted broker; a new producer is faster.
"""
BUSY_SECONDS = 0.02
IDLE_SECONDS = 5.0
CHUNKS_IN_FLIGHT = 2
"""Limit, in full reads, while the next chunks are read: one is sent, one deleted."""


class Term:
    """Publishes until the first error, which ends the term and drops every chunk in flight: a chunk
    that was read after a failed one must not overtake it.
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
        self._latest_send: dict[str, asyncio.Task[None]] = {}
        """The latest send of each topic."""
        self._backoff = IdleBackoff()

    async def run(self, lease: OutboxLease, publisher: Publisher) -> None:
        """Publishes until the relay drains. Raises an ExceptionGroup of the term's errors."""
        self._lease = lease
        self._publisher = publisher
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
        """Reads until the relay drains. The publisher keeps the order of the chunks of a topic;
        topics do not wait for each other.

        The next read is requested before the records of a page are built, and returns after that:
        if a row is unreadable, the chunks behind it are cancelled before they begin.
        """
        async with asyncio.TaskGroup() as deliveries:
            while not self._draining.is_set():
                self._wakeup.clear()
                chunks, more = await self._read()
                self._ready.set()
                if chunks:
                    self._backoff.reset()
                    AFTER_SELECT.hit()
                    for chunk in chunks:
                        deliveries.create_task(self._deliver(chunk))
                    await self._in_flight.until_at_most(CHUNKS_IN_FLIGHT * self._state.read_size.rows)
                if not more:
                    await self._backoff.wait(self._wakeup)

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
        with self._in_flight.reading(shards):
            pending = await self._lease.read_pending(
                shards,
                in_flight=self._in_flight.ids,
                held_topics=[*self._state.held_topics.names(), *self._in_flight.slow_topics()],
                rows_per_shard=rows_per_shard,
                bytes_per_shard=bytes_per_shard,
            )
            chunks = [Chunk(self._state.next_to_send(rows)) for rows in by_topic(pending)]
            for chunk in chunks:
                self._in_flight.add(chunk)
        put_aside = sum(len(chunk.rows) for chunk in chunks) < len(pending)
        at_limit = len(pending) >= rows_per_shard or sum(len(row.payload) for row in pending) >= bytes_per_shard
        return chunks, put_aside or at_limit

    async def _deliver(self, chunk: Chunk) -> None:
        with stray_cancellation_as_error():
            await self._send(chunk)
            await self._delete(chunk)

    async def _send(self, chunk: Chunk) -> None:
        with chunk.sending():
            sent = asyncio.create_task(self._publisher.send(chunk.records))
            try:
                await asyncio.sleep(0)
                AFTER_SEND.hit()
                await self._acknowledgement(chunk, sent)
            finally:
                sent.cancel()
        self.made_progress = True
        self._state.record_success(chunk)
        AFTER_ACK.hit()

    async def _acknowledgement(self, chunk: Chunk, sent: asyncio.Task[None]) -> None:
        """Awaits the send. Its time starts when the one before it in its topic has ended, for which
        the publisher makes it wait. Raises NotAcknowledged.
        """
        before, self._latest_send[chunk.topic] = self._latest_send.get(chunk.topic), sent
        if before:
            await asyncio.wait([before, sent], return_when=asyncio.FIRST_COMPLETED)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await sent
        except TimeoutError as error:
            raise NotAcknowledged(chunk) from error

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
