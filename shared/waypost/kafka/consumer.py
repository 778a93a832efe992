"""Consumer group membership, on aiokafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.fetched_records import as_records
from waypost.kafka.refusals import reaching, refusal
from waypost.kafka.topics import describe
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Assignments, Partition, TopicState
from waypost.project import from_cluster, on_cluster

log = structlog.get_logger()

RESPONSE_SECONDS = 5.0
CLOSE_SECONDS = 2.0
REBALANCE_MILLISECONDS = 30_000
HEARTBEAT_SHARE = 0.3
"""Interval of heartbeats, as a share of the session time-out: two in a row may be lost."""
NEVER_MILLISECONDS = 2**31 - 1
FETCH_BYTES = 4 * 1024 * 1024
"""Limit of one fetch over all partitions of a broker, instead of aiokafka's 50 MiB. Other answers
of the broker wait behind it: see decision 0077 for the bandwidth that this needs.
"""


class _Client(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka is not annotated
    """Keeps aiokafka's own `getmany` unwrapped by instrumentation: consumer spans are created where
    records are handled.
    """

    getmany = AIOKafkaConsumer.getmany


class KafkaSubscription:
    """`waypost.ports.subscription.Subscription`."""

    def __init__(self, bootstrap: Brokers, group: str, *, session_seconds: float = 10.0) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._session_seconds = session_seconds
        # The group waits for a dead member until its session ends, then for the other members. A
        # client that gives up earlier leaves another dead member behind, which delays the next
        # attempt again: after a restart of the broker this took minutes.
        self._join_seconds = session_seconds + REBALANCE_MILLISECONDS / 1000 + RESPONSE_SECONDS
        self._topics: Collection[str] = ()
        self._listener: _Listener | None = None
        self._client: AIOKafkaConsumer | None = None
        self._polls_end = asyncio.Event()
        """Ends the running polls; replaced when it is set."""
        self._states: dict[str, TopicState] = {}

    async def join(self, topics: Iterable[str], assignments: Assignments) -> None:
        self._topics = sorted(topics)
        self._listener = _Listener(self, assignments)
        await self._connect()

    async def rejoin(self) -> None:
        await self.leave()
        await self._connect()

    async def leave(self) -> None:
        client, self._client = self._client, None
        self.end_polls()
        if client is None:
            return
        closing = asyncio.ensure_future(client.stop())
        # The client's stop may hang while the broker is frozen: it is then abandoned.
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
        closing.cancel()
        # `await closing` could not distinguish a cancellation of this task from that of the stop.
        await asyncio.wait([closing])
        with contextlib.suppress(KafkaError, OSError):
            if not closing.cancelled():
                closing.result()

    async def poll(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        client, polls_end = self._client, self._polls_end
        if client is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    await polls_end.wait()
            return []
        fetch = asyncio.ensure_future(
            client.getmany(named(partition), max_records=max_records, timeout_ms=int(timeout_seconds * 1000))
        )
        ending = asyncio.ensure_future(polls_end.wait())
        await asyncio.wait([fetch, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not fetch.done():
            fetch.cancel()  # aiokafka's fetch counter stays up; it only enforces `max_poll_interval_ms`
            return []
        with as_transient("records"):
            return [record for records in fetch.result().values() for record in records]

    def end_polls(self) -> None:
        self._polls_end.set()
        self._polls_end = asyncio.Event()

    def seek(self, partition: Partition, offset: int) -> None:
        if self._client is None:
            return
        with contextlib.suppress(IllegalStateError):
            self._client.seek(named(partition), offset)
            self._client.resume(named(partition))

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        async with self._answered("end offsets"):
            ends = await self._connected().end_offsets([named(partition) for partition in partitions])
        return {partition_of(partition): end for partition, end in ends.items()}

    async def first_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        async with self._answered("first offsets"):
            firsts = await self._connected().beginning_offsets([named(partition) for partition in partitions])
        return {partition_of(partition): first for partition, first in firsts.items()}

    async def topic_states(self, topics: Iterable[str]) -> Mapping[str, TopicState]:
        async with self._answered("topic states"):
            described = await describe(self._connected()._client, list(topics))
        states = {name: TopicState(topic.topic_id, topic.leader_epochs) for name, topic in described.items()}
        if any(state != self._states.get(topic) for topic, state in states.items()):
            self._refresh_metadata()
        self._states.update(states)
        return states

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        if self._client is None or not offsets:
            return
        try:
            async with asyncio.timeout(RESPONSE_SECONDS):
                await self._client.commit({named(partition): offset for partition, offset in offsets.items()})
        except (KafkaError, TimeoutError) as error:
            log.info("offset_commit_refused", group=self._group, error=repr(error))

    def pause(self) -> None:
        """Pauses every partition until its task has read its position."""
        if self._client is not None:
            self._client.pause(*self._client.assignment())

    async def _connect(self) -> None:
        client = _Client(
            **client_arguments(self._bootstrap),
            group_id=on_cluster(self._group),
            client_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 1000 * HEARTBEAT_SHARE),
            rebalance_timeout_ms=REBALANCE_MILLISECONDS,
            max_poll_interval_ms=NEVER_MILLISECONDS,
            metadata_max_age_ms=10_000,
            fetch_max_bytes=FETCH_BYTES,
            key_deserializer=as_records,
        )
        client.subscribe(topics=[on_cluster(topic) for topic in self._topics], listener=self._listener)
        # Callbacks run during the start and use the client.
        self._client = client
        self.end_polls()
        async with reaching(self._bootstrap, message=f"{self._group} cannot be joined"):
            try:
                async with asyncio.timeout(self._join_seconds):
                    await client.start()
            except Exception:
                await self.leave()  # before the examination of the brokers, in which the join could end
                raise

    @asynccontextmanager
    async def _answered(self, requested: str) -> AsyncIterator[None]:
        """Like `answered`. The leader that did not answer may have lost its partitions."""
        try:
            async with answered(requested):
                yield
        except Transient:
            self._refresh_metadata()
            raise

    def _refresh_metadata(self) -> None:
        """aiokafka refreshes metadata every 10 s, and fetches from the old leaders until then."""
        if self._client is not None:
            self._client._client.force_metadata_update()

    def _connected(self) -> AIOKafkaConsumer:
        if self._client is None:
            raise Transient(f"the consumer group {self._group} was left")
        return self._client


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not annotated
    def __init__(self, subscription: KafkaSubscription, assignments: Assignments) -> None:
        self._subscription = subscription
        self._assignments = assignments

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._assignments.revoked()
        self._subscription.end_polls()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._subscription.pause()
        await self._assignments.assigned(frozenset(map(partition_of, assigned)))


def named(partition: Partition) -> TopicPartition:
    """The partition with the cluster's topic name."""
    return TopicPartition(on_cluster(partition.topic), partition.number)


def partition_of(named: TopicPartition) -> Partition:
    """The partition with the application's topic name."""
    return Partition(from_cluster(named.topic), named.partition)


@asynccontextmanager
async def answered(requested: str, *, more_seconds: float = 0.0) -> AsyncIterator[None]:
    """Limits a request inside the block, and converts its errors like `as_transient`: a connection
    may swallow packets.
    """
    with as_transient(requested):
        async with asyncio.timeout(RESPONSE_SECONDS + more_seconds):
            yield


@contextmanager
def as_transient(requested: str) -> Iterator[None]:
    """Converts errors of a request inside the block to Transient; `requested` names the data."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        if refused := refusal(error):
            raise refused from error
        raise Transient(f"the broker did not return {requested}: {error!r}") from error
