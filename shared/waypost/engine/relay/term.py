"""One lease and one producer, from the first shard taken to the first error."""

import asyncio

from waypost.engine.failpoints import failpoint
from waypost.engine.relay.chunk import Chunk
from waypost.engine.relay.idle_backoff import IdleBackoff
from waypost.engine.relay.in_flight import InFlight
from waypost.engine.relay.ownership import Ownership
from waypost.engine.relay.state import RelayState
from waypost.ports.broker import Publisher
from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.telemetry import metrics

AFTER_SELECT = failpoint("relay.after_select")
AFTER_SEND = failpoint("relay.after_send")
AFTER_ACK = failpoint("relay.after_ack")
AFTER_DELETE = failpoint("relay.after_delete")

SEND_SECONDS = 5.0
"""An idempotent producer retries for ever and takes 17 s to find a restarted broker: a fresh one is
faster.
"""
CHUNKS_IN_HAND = 3
"""One being read, one on its way, one being deleted."""


class Term:
    """Any error ends it, and with it every chunk in hand: one that was read behind a lost one must
    not overtake it.
    """

    def __init__(self, state: RelayState, wakeup: asyncio.Event, draining: asyncio.Event) -> None:
        self.made_progress = False
        """Whether anything was acknowledged."""
        self._state = state
        self._wakeup = wakeup
        self._draining = draining
        self._in_flight = InFlight()
        self._forgetting: set[asyncio.Task[int]] = set()
        self._pace = IdleBackoff()
        self._room = asyncio.Semaphore(CHUNKS_IN_HAND)

    async def run(self, lease: OutboxLease, publisher: Publisher) -> None:
        """Publishes until it is to drain. Raises an ExceptionGroup of whatever went wrong."""
        self._lease = lease
        self._publisher = publisher
        self._ownership = Ownership(lease, self._in_flight, self._wakeup)
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._ownership.keep())
                await self._publish(tasks)
                keeping.cancel()
        finally:
            if self._forgetting:
                await asyncio.wait(self._forgetting)

    async def _publish(self, tasks: asyncio.TaskGroup) -> None:
        sending: asyncio.Task[None] | None = None
        settling: asyncio.Task[None] | None = None
        while chunk := await self._next_chunk():
            if sending is not None:
                await sending  # raises if the chunk before was not acknowledged, and this one is dropped with it
            sending = tasks.create_task(self._send(chunk))
            settling = tasks.create_task(self._settle(chunk, sending))
        if settling is not None:
            await settling

    async def _next_chunk(self) -> Chunk | None:
        """What is to be sent next, once there is something; None when it is time to drain."""
        await self._room.acquire()
        while not self._draining.is_set():
            self._wakeup.clear()
            if rows := await self._read():
                self._pace.reset()
                AFTER_SELECT.hit()
                return Chunk(rows)
            await self._pace.wait(self._wakeup)
        return None

    async def _read(self) -> list[PendingRow]:
        """From the very head of each shard, whatever is in flight left out by id: a row that was
        committed late must not be missed.
        """
        shards = self._ownership.readable
        if not shards:
            return []
        size = self._state.chunk_size
        with self._in_flight.reading(shards):
            heads = await self._lease.heads(
                shards,
                in_flight=self._in_flight.ids,
                held_topics=self._state.held_topics.names(),
                rows_per_shard=-(-size.rows // len(shards)),
                bytes_per_shard=-(-size.bytes // len(shards)),
            )
            rows = self._state.refused_rows.cut(heads)
            self._in_flight.add(rows)
        return rows

    async def _send(self, chunk: Chunk) -> None:
        with chunk.on_its_way():
            async with asyncio.timeout(SEND_SECONDS):
                sent = asyncio.ensure_future(self._publisher.send(chunk.records))
                await asyncio.sleep(0)
                AFTER_SEND.hit()
                await sent
        self.made_progress = True
        self._state.acknowledged(chunk.rows)
        AFTER_ACK.hit()

    async def _settle(self, chunk: Chunk, sending: asyncio.Task[None]) -> None:
        """Forgets what was acknowledged, while the next chunk is on its way; also when that one
        fails and ends the term.
        """
        await sending
        forgetting = asyncio.create_task(self._lease.delete(chunk.rows))
        self._forgetting.add(forgetting)
        await asyncio.shield(forgetting)
        AFTER_DELETE.hit()
        self._forgetting.remove(forgetting)
        self._in_flight.remove(chunk.rows)
        metrics.OUTBOX_PUBLISHED.inc(len(chunk.rows))
        self._room.release()
