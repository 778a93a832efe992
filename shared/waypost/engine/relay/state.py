"""The state that a relay keeps from term to term: sizes, unavailable topics, rejected rows."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile

import structlog

from waypost.engine.relay.chunk import Chunk, NotAcknowledged, RowsRejected
from waypost.kernel.errors import Transient
from waypost.ports.broker import TopicUnavailable
from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.telemetry import metrics

log = structlog.get_logger()

HOLD_SECONDS = 5.0
TIMER_SECONDS = 0.01
"""By which a timer of the loop may be early."""
MAX_ATTEMPTS = 3
"""Number of rejections of a row that was sent alone; then its key is quarantined."""


class ChunkSize:
    """The size of the next read, or of a topic's next chunk. Reduced after a failure: one that
    cannot be completed in time would otherwise be retried without end.
    """

    MAX_ROWS = 2000
    BYTES_PER_ROW = 8192

    def __init__(self) -> None:
        self.rows = self.MAX_ROWS

    @property
    def bytes(self) -> int:
        """Limit in bytes, for large payloads: 16 MB for a chunk of full size."""
        return self.rows * self.BYTES_PER_ROW

    def shrink(self) -> None:
        self.rows = max(self.rows // 4, 1)

    def grow(self) -> None:
        self.rows = min(self.rows * 2, self.MAX_ROWS)


class HeldTopics:
    """Skips unavailable topics for 5 s so that others keep flowing; no key is quarantined for
    it. The end of a hold is a wake-up.
    """

    def __init__(self, wakeup: asyncio.Event) -> None:
        self._until: dict[str, float] = {}
        self._wakeup = wakeup

    def hold(self, topic: str) -> None:
        self._until[topic] = time.monotonic() + HOLD_SECONDS
        asyncio.get_running_loop().call_later(HOLD_SECONDS + TIMER_SECONDS, self._wakeup.set)

    def names(self) -> Sequence[str]:
        now = time.monotonic()
        return [topic for topic, until in self._until.items() if until > now]


class RejectedRows:
    """Rows that the broker rejected. Each is sent alone until the row at fault is known; then its
    key is quarantined.
    """

    def __init__(self) -> None:
        self._attempts: dict[int, int] = {}
        self._to_quarantine: list[tuple[PendingRow, str]] = []

    def record(self, rows: Sequence[PendingRow], reason: str) -> None:
        """Records a rejection. Any of several rows may be the cause; only a row that was rejected
        alone has used an attempt.
        """
        for row in rows:
            self._attempts.setdefault(row.id, 0)
        if len(rows) == 1:
            self._count(rows[0], reason)

    def sendable(self, rows: Sequence[PendingRow]) -> list[PendingRow]:
        """The rows to send now: up to the first suspected row, or that row alone. Order is kept."""
        if not self._attempts:
            return list(rows)
        return list(takewhile(lambda row: row.id not in self._attempts, rows)) or list(rows[:1])

    def clear(self, rows: Sequence[PendingRow]) -> None:
        """Forgets rows that were acknowledged."""
        if self._attempts:
            for row in rows:
                self._attempts.pop(row.id, None)

    async def quarantine(self, lease: OutboxLease) -> None:
        """Quarantines the keys of rows that were rejected alone three times. Called while no row is
        in flight, so that none of these keys is. Raises Transient.
        """
        while self._to_quarantine:
            row, reason = self._to_quarantine[-1]
            quarantined = await lease.quarantine_key(row, reason)
            self._to_quarantine.pop()
            if quarantined:
                metrics.OUTBOX_QUARANTINED.inc()
                log.error("key_quarantined", shard=row.shard, row_id=row.id, topic=row.topic, reason=reason)

    def _count(self, row: PendingRow, reason: str) -> None:
        self._attempts[row.id] += 1
        if self._attempts[row.id] >= MAX_ATTEMPTS:
            del self._attempts[row.id]
            self._to_quarantine.append((row, reason))


class RelayState:
    """Rejected rows, unavailable topics and sizes; outlives each term."""

    def __init__(self, wakeup: asyncio.Event) -> None:
        self.rejected_rows = RejectedRows()
        self.held_topics = HeldTopics(wakeup)
        self.read_size = ChunkSize()
        self._topic_sizes: defaultdict[str, ChunkSize] = defaultdict(ChunkSize)
        """One for each topic: acknowledged chunks of the others prove nothing about it."""

    def next_to_send(self, rows: Sequence[PendingRow]) -> Sequence[PendingRow]:
        """The rows of one topic to send as its next chunk. Those behind them are read again."""
        return self.rejected_rows.sendable(rows)[: self._topic_sizes[rows[0].topic].rows]

    def record_success(self, chunk: Chunk) -> None:
        """Adjusts the state to acknowledged rows: clears them and increases the sizes."""
        self.rejected_rows.clear(chunk.rows)
        self.read_size.grow()
        self._topic_sizes[chunk.topic].grow()

    def record_failure(self, error: BaseException) -> None:
        """Adjusts the state to the error that ended a term: isolates rejected rows, skips an
        unavailable topic, or reduces the size of a topic's chunks or of the reads.
        """
        metrics.RELAY_INTERRUPTIONS.inc()
        match first_error_of_group(error):
            case RowsRejected() as rejected:
                self.rejected_rows.record(rejected.rows, rejected.reason)
                log.warning("rows_rejected", rows=len(rejected.rows), reason=rejected.reason)
            case TopicUnavailable() as missing:
                self.held_topics.hold(missing.topic)
                log.error("topic_unavailable", topic=missing.topic, error=str(missing))
            case NotAcknowledged() as late:
                self._topic_sizes[late.topic].shrink()
                log.warning("relay_interrupted", kind=type(late).__name__, error=str(late))
            case Transient() | TimeoutError() as transient:
                self.read_size.shrink()
                log.warning("relay_interrupted", kind=type(transient).__name__, error=str(transient))
            case unknown:
                self.read_size.shrink()
                log.error("relay_failed", exc_info=unknown)


def first_error_of_group(error: BaseException) -> BaseException:
    """The first error of a group; the others follow from it in the tasks that waited for it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
