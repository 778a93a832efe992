"""A partition that accepts no records delays no other partition of its broker.

aiokafka sends one request at a time to a broker, and sends a refused batch again with the others,
without limit. So each attempt delays every partition of the broker: by a pause, or, while a replica
is frozen, by the whole time that the broker waits for it. Here a batch that was not accepted is
sent again with backoff, alone, and over a separate connection.

It keeps its sequence number, so the broker recognizes a batch that it has (KIP-98).
"""

import asyncio
import time
from collections.abc import Mapping, Set

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    BrokerResponseError,
    InvalidProducerEpoch,
    InvalidTimestampError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NoBrokersAvailable,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
    kafka_errors,
)
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.producer.sender import Sender, SendProduceReqHandler

from waypost.kernel.backoff import OUTAGE_BACKOFF

ACKNOWLEDGE_MILLISECONDS = 2000
"""The time that a broker waits for the replicas of a request. Then it answers, also for the other
partitions of the request; a batch that the replicas do not have yet is sent again.
"""
SILENT_SECONDS = 5.0
"""After this time without an answer of any broker, another producer is tried."""


class InvalidRecordError(BrokerResponseError):  # type: ignore[misc]  # aiokafka is not annotated
    errno = 87
    message = "INVALID_RECORD"
    description = "The broker's validation of the record failed (KIP-467). aiokafka does not know this code."


kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)

REFUSALS = (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
"""The broker can never accept the batch, and has appended none of its records."""
_OF_THE_PRODUCER = (InvalidProducerEpoch, OutOfOrderSequenceNumber, UnknownProducerId)
"""Another attempt needs another producer."""


class _ConnectionLock(asyncio.Lock):
    """aiokafka opens connections one after another, and waits for each. These tasks need no lock:
    each opens its own connection. Otherwise all would wait for the connections to a frozen broker.
    """

    def __init__(self, exempt: Set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._exempt = exempt

    async def __aenter__(self) -> None:
        if asyncio.current_task() not in self._exempt:
            await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        if asyncio.current_task() not in self._exempt:
            self.release()


class IsolatingSender(Sender):  # type: ignore[misc]  # aiokafka is not annotated
    """Replacement of aiokafka's `Sender`."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        super().__init__(
            producer.client,
            acks=-1,
            txn_manager=producer._txn_manager,
            message_accumulator=producer._message_accumulator,
            retry_backoff_ms=100,
            request_timeout_ms=ACKNOWLEDGE_MILLISECONDS,
        )
        self.held: dict[TopicPartition, str] = {}
        """Partitions that accept no records now, with the reason."""
        self.abandoned: set[TopicPartition] = set()
        """Partitions with a batch that nothing waits for any more, which may still arrive."""
        self.answered_at = 0.0
        """When a broker last answered, in the time of `time.monotonic`."""
        self._attempts: set[asyncio.Task[None]] = set()
        self.client._get_conn_lock_value = _ConnectionLock(self._attempts)

    async def until_led(self, partition: TopicPartition) -> None:
        """Waits until the partition has a leader. A batch that is handed to aiokafka before makes
        it request metadata without a pause. Raises NoBrokersAvailable.
        """
        began, failures = time.monotonic(), 0
        while self.client.cluster.leader_for_partition(partition) == -1:
            failures += 1
            await self._pause(partition, LeaderNotAvailableError(), failures)
            await self._refresh(began)
        self.held.pop(partition, None)

    async def end_attempts(self) -> None:
        """Ends the attempts for batches that were not accepted."""
        while self._attempts:
            for attempt in self._attempts:
                attempt.cancel()
            await asyncio.wait(self._attempts)

    async def _send_produce_req(self, node_id: int, batches: Mapping[TopicPartition, MessageBatch]) -> None:
        """Sends a batch for each of several partitions; called by aiokafka."""
        request = _Request(self, batches)
        await request.do(node_id)
        self._in_flight.remove(node_id)
        self._muted_partitions.difference_update(batches)
        for batch, error in request.not_accepted.items():
            self._begin_attempts(batch, error)

    def _begin_attempts(self, batch: MessageBatch, error: KafkaError) -> None:
        attempts = asyncio.create_task(self._send_alone(batch, error))
        self._attempts.add(attempts)
        attempts.add_done_callback(self._attempts.discard)

    async def _send_alone(self, batch: MessageBatch, error: KafkaError) -> None:
        """Sends the batch until it is accepted, refused permanently, or needs another producer."""
        failures = 0
        try:
            while not batch.future.done():
                failures += 1
                await self._pause(batch.tp, error, failures)
                if not batch.future.done():
                    error = await self._attempt(batch)
        except Exception as unexpected:  # noqa: BLE001 - raised by the call that waits for the batch
            batch.failure(unexpected)
        finally:
            self.held.pop(batch.tp, None)
            self._close_connections_of(batch.tp)

    async def _attempt(self, batch: MessageBatch) -> KafkaError | None:
        """One attempt; returns the error after which another one follows."""
        if not await self._refresh(batch._ctime):
            return NoBrokersAvailable()
        cluster = self.client.cluster
        leader = cluster.leader_for_partition(batch.tp)
        if leader is None and batch.tp.topic not in cluster.unauthorized_topics:
            raise UnknownTopicOrPartitionError(batch.tp)
        if leader is None:
            return TopicAuthorizationFailedError(batch.tp.topic)
        if leader == -1:
            return LeaderNotAvailableError()
        request = _Request(self, {batch.tp: batch})
        await request.do(leader, group=batch.tp)
        return request.not_accepted.get(batch)

    async def _pause(self, partition: TopicPartition, error: KafkaError | None, failures: int) -> None:
        self.held[partition] = type(error).__name__
        await asyncio.sleep(OUTAGE_BACKOFF.seconds(failures))

    async def _refresh(self, began: float) -> bool:
        """Requests metadata; returns whether a broker answered. Raises NoBrokersAvailable when none
        has answered for long enough since `began`.
        """
        answered = await self.client.force_metadata_update()
        now = time.monotonic()
        if answered:
            self.answered_at = now
        elif now - max(began, self.answered_at) > SILENT_SECONDS:
            raise NoBrokersAvailable()
        return bool(answered)

    def _close_connections_of(self, group: TopicPartition) -> None:
        connections = self.client._conns
        for node_id, connection_group in list(connections):
            if connection_group == group:
                connections.pop((node_id, group)).close()


class _Request(SendProduceReqHandler):  # type: ignore[misc]  # aiokafka is not annotated
    """One attempt for each of its batches."""

    def __init__(self, sender: IsolatingSender, batches: Mapping[TopicPartition, MessageBatch]) -> None:
        super().__init__(sender, batches)
        self.not_accepted: dict[MessageBatch, KafkaError] = {}
        """The batches to send again, with the reason."""

    async def do(self, node_id: int, group: TopicPartition | ConnectionGroup = ConnectionGroup.DEFAULT) -> None:
        try:
            response = await self._client.send(node_id, self.create_request(), group=group)
        except KafkaError as error:
            self.not_accepted = dict.fromkeys(self._batches.values(), error)
        else:
            self._sender.answered_at = time.monotonic()
            self.handle_response(response)

    def _can_retry(self, error: KafkaError, batch: MessageBatch) -> bool:
        """Called by aiokafka for a batch that the broker did not accept."""
        if isinstance(error, REFUSALS):
            # The broker's count of the producer's records has not changed.
            self._sender._txn_manager.increment_sequence_number(batch.tp, -batch.record_count)
        elif not isinstance(error, _OF_THE_PRODUCER):
            self.not_accepted[batch] = error
        return batch in self.not_accepted
