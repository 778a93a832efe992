"""Detects a log that lost its tail, also when it grew again beyond the consumer position.

Offsets do not show it: the topic keeps its id, and other records are at the offsets of the lost
ones. The consumer position therefore includes the identity of the last record. Each seek begins at
that record, and the first poll compares it. While the consumer runs, only a new leader can lack
records. The consumer then returns to a position from before the election, and compares again.
"""

from collections import deque
from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

import structlog

from waypost.engine.consumer.pipeline import Fenced
from waypost.engine.consumer.record_identity import identity_of, is_before
from waypost.engine.consumer.resume_position import ResumePosition
from waypost.kernel.envelope import Record
from waypost.kernel.errors import WaypostError
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.inbox import ConsumerPosition, ReachedPosition
from waypost.ports.subscription import Partition
from waypost.telemetry import metrics

log = structlog.get_logger()


class LogTruncated(WaypostError):
    """A log no longer holds a record that the consumer has processed."""


class TruncationDetector:
    """Watches the log of one assigned partition."""

    def __init__(self, name: str, partition: Partition, transactions: ConsumerTransactions) -> None:
        self.truncated = False
        """Whether the log has lost records since the assignment."""
        self.resume_at: ReachedPosition | None = None
        """The position to which the next seek must return."""
        self._name = name
        self._partition = partition
        self._transactions = transactions
        self._topic_id: UUID | None = None
        self._leader_epoch: int | None = None
        self.reached: deque[ReachedPosition] = deque(maxlen=32)
        """The last positions."""
        self._reached_at_checks: deque[ReachedPosition] = deque(maxlen=2)
        """Positions of the last two checks. A broker may know a new leader late, so that the newer
        one may be from after an election which the check did not show.
        """
        self._known: dict[int, bytes] = {}
        """Identities of processed records that are read again, by offset."""

    def begin(self, resumption: ResumePosition, position: int) -> int:
        """The offset to seek to, so that the next poll begins with the last record if it is known;
        else the position.
        """
        if resumption.truncated_below:
            self._report(position=resumption.truncated_below)
        if resumption.truncated_below or resumption.topic_id != self._topic_id:
            self._known, self._topic_id = {}, resumption.topic_id
        self.resume_at, self._leader_epoch = None, resumption.leader_epoch
        self.reached.clear()
        self._reached_at_checks.clear()
        reached = ReachedPosition(position, resumption.last_record)
        self.reached.append(reached)
        self._reached_at_checks.append(reached)
        self._remember(reached)
        return position - 1 if position - 1 in self._known else position

    async def without_last(self, records: Sequence[Record], position: int, topic_id: UUID | None) -> Sequence[Record]:
        """The polled records without the last one before the position. Compares it, and every other
        known record. If one is another record now, the position returns to offset 0, and
        LogTruncated is raised. Raises Fenced if another process moves the position.
        """
        if not self._known:
            return records
        begins_before = records[0].offset == position - 1 and position - 1 in self._known
        for record in records:
            if self._known.pop(record.offset, None) not in (None, identity_of(record)):
                await self._start_over(record.offset, position, topic_id)
        # A record that is not among them was deleted.
        self._known = {offset: known for offset, known in self._known.items() if offset > records[-1].offset}
        return records[1:] if begins_before else records

    def _remember(self, reached: ReachedPosition) -> None:
        if reached.last_record is not None and is_before(reached.last_record, reached.next_offset):
            self._known[reached.next_offset - 1] = reached.last_record

    async def _start_over(self, offset: int, position: int, topic_id: UUID | None) -> NoReturn:
        self._known = {}
        async with self._transactions.begin(()) as transaction:
            moved = await transaction.inbox.fence(self._partition, expected=position, next_offset=0, topic_id=topic_id)
            if moved:
                await transaction.deferrals.restart(self._partition)
        if not moved:
            raise Fenced(f"the position of {self._name} in {self._partition} is no longer {position}")
        self._report(position)
        raise LogTruncated(f"{self._partition} has another record at offset {offset}")

    def has_new_leader(self, leader_epoch: int | None) -> bool:
        """Whether a leader was elected since the last call. If so, the next seek returns to a
        position from before the election. A broker that is behind may name an earlier leader.
        """
        if leader_epoch is None or not self.reached or leader_epoch < (self._leader_epoch or 0):
            return False
        is_new = self._leader_epoch not in (None, leader_epoch)
        self._leader_epoch = leader_epoch
        if is_new:
            self.resume_at = self.resume_at or self._reached_at_checks[0]
            for reached in (*self._reached_at_checks, *self.reached):
                self._remember(reached)
            log.info("leader_elected", consumer=self._name, partition=str(self._partition), resumes_at=self.resume_at)
        else:
            self._reached_at_checks.append(self.reached[-1])
        return is_new

    def _report(self, position: int) -> None:
        self.truncated = True
        metrics.CONSUMER_TRUNCATED_LOGS.labels(self._name, self._partition.topic, str(self._partition.number)).inc()
        log.error("log_truncated", consumer=self._name, partition=str(self._partition), position=position)


def refuse_truncated(partition: Partition, end: int, consumer_position: ConsumerPosition) -> None:
    """Raises LogTruncated if the log ends before the position."""
    if end < consumer_position.next_offset:
        raise LogTruncated(_REFUSAL.format(partition=partition, offset=consumer_position.next_offset - 1))


def refuse_other(partition: Partition, records: Sequence[Record], consumer_position: ConsumerPosition) -> None:
    """Raises LogTruncated if the last record below the position is among these, and is another one
    than the consumer has processed.
    """
    position, identity = consumer_position.next_offset, consumer_position.last_record
    if not records or records[-1].offset != position - 1 or not is_before(identity, position):
        return
    if identity_of(records[-1]) != identity:
        raise LogTruncated(_REFUSAL.format(partition=partition, offset=records[-1].offset))


_REFUSAL = (
    "{partition} no longer holds the record that the consumer has processed at offset {offset}: the log lost its tail."
    " Nothing was changed. Run `waypost events republish` for the topic, and start the worker, whose consumer begins"
    " at offset 0; then run this command again"
)
