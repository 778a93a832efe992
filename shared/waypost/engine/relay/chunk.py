"""Outbox rows that are sent together, and their records."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
from opentelemetry.trace import Span

from waypost.kernel.cloudevents import Headers
from waypost.kernel.errors import Permanent, Transient
from waypost.kernel.header_forms import ID
from waypost.ports.broker import OutgoingRecord, PartitionSender, RecordsRejected
from waypost.ports.outbox import PendingRow, ShardTopic
from waypost.ports.subscription import Partition
from waypost.telemetry.messaging import TRACEPARENT, end_send, start_send
from waypost.telemetry.span_limit import grant_spans
from waypost.telemetry.tracing import is_sampled


class RowsRejected(Permanent):
    """One of these rows cannot be published: it cannot be read, or the broker refuses its
    record.
    """

    def __init__(self, rows: Sequence[PendingRow], reason: str) -> None:
        super().__init__(f"{len(rows)} rows were rejected: {reason}", reason=reason)
        self.rows = rows
        self.reason = reason


class NotAcknowledged(Transient):
    """The broker did not acknowledge a chunk in time."""

    def __init__(self, chunk: "Chunk") -> None:
        partition = chunk.lane.partition
        super().__init__(
            f"{len(chunk.rows)} rows of {partition} were not acknowledged in time", partition=str(partition)
        )
        self.partition = partition
        self.reason = type(self).__name__


@dataclass(slots=True, eq=False)
class Lane:
    """The chunks of one partition, which are sent in their order, until one of them fails."""

    partition: Partition
    shard_topics: Collection[ShardTopic]
    """Where the outbox has the partition's rows."""
    sender: PartitionSender
    latest_send: "asyncio.Task[None] | None" = None


class Chunk:
    """Rows of one partition, which are sent together."""

    def __init__(self, lane: Lane, rows: Sequence[PendingRow]) -> None:
        self.lane = lane
        self.rows = rows
        self.records: Sequence[OutgoingRecord] = ()
        """Built when the chunk is sent, while the database already reads the next rows."""
        self.acknowledged = False
        self._spans: list[Span] = []

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Builds the records for the block, and ends their send spans with its result. Raises
        RowsRejected for an unreadable row, and with the rows of the records that the broker
        rejected.
        """
        try:
            self.records = [self._build_record(row) for row in self.rows]
            yield
        except RecordsRejected as error:
            self._end_spans(error)
            rejected = set(map(id, error.records))
            rows = [row for row, record in zip(self.rows, self.records, strict=True) if id(record) in rejected]
            raise RowsRejected(rows, error.reason) from error
        except BaseException as error:
            self._end_spans(error)
            raise
        self._end_spans(None)

    def _build_record(self, row: PendingRow) -> OutgoingRecord:
        try:
            texts: dict[str, str] = orjson.loads(row.headers)
            headers: Headers = [(name, text.encode()) for name, text in texts.items()]
        except (ValueError, TypeError, AttributeError) as error:
            raise RowsRejected([row], f"its headers are not a JSON object of strings: {error}") from error
        if is_sampled(texts.get(TRACEPARENT)) and grant_spans():
            span, headers = start_send(row.topic, row.key, headers, message_id=texts.get(ID, ""))
            self._spans.append(span)
        return OutgoingRecord(row.topic, row.shard, row.key, row.payload, headers, row.created_ms)

    def _end_spans(self, error: BaseException | None) -> None:
        failure = None if error is None else type(error).__name__
        for span in self._spans:
            end_send(span, failure=failure)
