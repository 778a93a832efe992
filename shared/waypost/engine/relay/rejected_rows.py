"""Rows that the broker rejected. Each is sent alone until the row at fault is known; then the key
of that row is quarantined.
"""

from collections.abc import Sequence
from itertools import takewhile

import structlog

from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.telemetry import metrics

log = structlog.get_logger()

MAX_ATTEMPTS = 3


class RejectedRows:
    """Isolates the rows that the broker can never accept."""

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
