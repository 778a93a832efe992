"""The state that a relay keeps from term to term: sizes, held partitions, rejected rows."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile

import structlog

from waypost.engine.relay.chunk import Chunk, Lane, NotAcknowledged, RowsRejected
from waypost.engine.relay.held import HeldPartitions, HeldRows
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import SHARDS
from waypost.ports.broker import PartitionFailed, TopicUnavailable
from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.ports.subscription import Partition
from waypost.telemetry import metrics

log = structlog.get_logger()

HOLD_SECONDS = 5.0
"""Pause before an unavailable topic is tried again."""
PAUSES = Backoff(first_seconds=0.05, factor=2.0, max_seconds=30.0)
"""Before another attempt for a partition that rejected records or needs a new producer."""
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
        """Rows before the first suspected row, in their order; if that row is first, only it."""
        if not self._attempts:
            return list(rows)
        return list(takewhile(lambda row: row.id not in self._attempts, rows)) or list(rows[:1])

    def clear(self, rows: Sequence[PendingRow]) -> None:
        """Forgets rows that were acknowledged."""
        if self._attempts:
            for row in rows:
                self._attempts.pop(row.id, None)

    async def quarantine(self, lease: OutboxLease) -> None:
        """Quarantines the keys of rows that were rejected alone three times. Called when none of
        their rows is in flight: a rejection drops those behind it. Raises Transient.
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
    """Rejected rows, held partitions and sizes; outlives each term."""

    def __init__(self, wakeup: asyncio.Event) -> None:
        self.rejected_rows = RejectedRows()
        self.held_rows = HeldRows(wakeup)
        self.held_partitions = HeldPartitions()
        self.read_size = ChunkSize()
        self._sizes: defaultdict[Partition, ChunkSize] = defaultdict(ChunkSize)
        """One for each partition: acknowledged chunks of the others prove nothing about it."""
        self._failures: defaultdict[Partition, int] = defaultdict(int)
        """Failures of each partition since its last acknowledgement."""

    def next_to_send(self, partition: Partition, rows: Sequence[PendingRow]) -> Sequence[PendingRow]:
        """The rows of one partition to send as its next chunk. Those behind them are read again."""
        return self.rejected_rows.sendable(rows)[: self._sizes[partition].rows]

    def record_success(self, chunk: Chunk) -> None:
        """Adjusts the state to acknowledged rows: clears them and increases the sizes."""
        partition = chunk.lane.partition
        self.rejected_rows.clear(chunk.rows)
        self.read_size.grow()
        self._sizes[partition].grow()
        self._failures.pop(partition, None)
        self.held_partitions.release(partition)

    def hold_topic(self, missing: TopicUnavailable) -> None:
        """Skips the rows of an unavailable topic."""
        self.held_rows.hold([(shard, missing.topic) for shard in range(SHARDS)], HOLD_SECONDS)
        self.held_partitions.report(missing.topic, missing.reason)

    def record_rejection(self, lane: Lane, rejected: RowsRejected) -> None:
        """Isolates rejected rows. Their partition pauses: a refusal may be temporary."""
        self.rejected_rows.record(rejected.rows, rejected.reason)
        self._hold(lane)
        log.warning("rows_rejected", rows=len(rejected.rows), reason=rejected.reason)

    def record_failed_partition(self, lane: Lane, error: NotAcknowledged | PartitionFailed) -> None:
        """Skips the rows of a partition that needs another producer, and reduces the size of its
        chunks.
        """
        self._sizes[lane.partition].shrink()
        self._hold(lane)
        self.held_partitions.report(str(lane.partition), error.reason)

    def record_failure(self, error: BaseException) -> None:
        """Adjusts the state to the error that ended a term: reduces the size of the reads, unless a
        single partition is the reason.
        """
        metrics.RELAY_INTERRUPTIONS.inc()
        match first_error_of_group(error):
            case NotAcknowledged() | PartitionFailed() as failed:
                log.warning("relay_interrupted", kind=type(failed).__name__, error=str(failed))
            case Transient() | TimeoutError() as transient:
                self.read_size.shrink()
                log.warning("relay_interrupted", kind=type(transient).__name__, error=str(transient))
            case unknown:
                self.read_size.shrink()
                log.error("relay_failed", exc_info=unknown)

    def _hold(self, lane: Lane) -> None:
        self._failures[lane.partition] += 1
        self.held_rows.hold(lane.shard_topics, PAUSES.seconds(self._failures[lane.partition]))


def first_error_of_group(error: BaseException) -> BaseException:
    """The first error of a group; the others follow from it in the tasks that waited for it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
