"""Rows that the broker refused: sent alone until it is known which one it was, whose key is then
set aside.
"""

from collections.abc import Sequence
from itertools import takewhile

import structlog

from waypost.ports.outbox import OutboxLease, PendingRow
from waypost.telemetry import metrics

log = structlog.get_logger()

TRIES = 3


class RefusedRows:
    def __init__(self) -> None:
        self._tries: dict[int, int] = {}
        self._condemned: list[tuple[PendingRow, str]] = []

    def note(self, rows: Sequence[PendingRow], reason: str) -> None:
        """Of several refused together any may be the one; one that was refused alone has used up a
        try.
        """
        for row in rows:
            self._tries.setdefault(row.id, 0)
        if len(rows) == 1:
            self._count(rows[0], reason)

    def cut(self, rows: Sequence[PendingRow]) -> list[PendingRow]:
        """The part of these to send now: up to the first suspect, or that one alone. No row passes
        another.
        """
        if not self._tries:
            return list(rows)
        return list(takewhile(lambda row: row.id not in self._tries, rows)) or list(rows[:1])

    def clear(self, rows: Sequence[PendingRow]) -> None:
        if self._tries:
            for row in rows:
                self._tries.pop(row.id, None)

    async def quarantine(self, lease: OutboxLease) -> None:
        """Sets aside the keys of rows that were refused alone three times. Called when nothing is
        in hand, so that no row of theirs is.
        """
        while self._condemned:
            row, reason = self._condemned[-1]
            marked = await lease.mark(row, reason)
            self._condemned.pop()
            if marked:
                metrics.OUTBOX_QUARANTINED.inc()
                log.error("key_quarantined", shard=row.shard, row_id=row.id, topic=row.topic, reason=reason)

    def _count(self, row: PendingRow, reason: str) -> None:
        self._tries[row.id] += 1
        if self._tries[row.id] >= TRIES:
            del self._tries[row.id]
            self._condemned.append((row, reason))
