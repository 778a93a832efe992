"""How a reactor's events share transactions: how many, which of them, and in which order."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import pytest

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.batch_processor import BatchProcessor
from waypost.engine.consumer.dead_letters.factory import in_order_of_ids, waiting
from waypost.engine.consumer.effects import by_tenant
from waypost.engine.consumer.message import Message
from waypost.engine.consumer.pipeline import Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.reactor_batch_size import ReactorBatchSize
from waypost.engine.retry import PROCESS_DIED
from waypost.kernel.backoff import Backoff
from waypost.kernel.cause import Cause
from waypost.kernel.cloudevents import Attributes
from waypost.kernel.envelope import Record
from waypost.kernel.errors import ConcurrencyConflict, Permanent
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.subscription import Partition

POLICY = ConsumerPolicy(reactor_seconds=0.1, max_records=500)
GAP = 10
"""Offsets of a topic may have gaps."""


def plain(number: int, tenant_id: UUID, sequence: int | None = 1) -> Message:
    """A message whose event has a handler if its number is even."""
    ids, cause = EventId(new_id()), Cause(correlation_id=new_id(), causation_id=new_id())
    attributes = Attributes(
        event_id=ids,
        event_type="user.created",
        source="/services/users",
        tenant_id=TenantId(tenant_id),
        aggregate_id=new_id(),
        sequence=sequence,
        occurred_at=datetime.now(UTC),
        cause=cause,
    )
    record = Record(topic="t", partition=0, offset=number * GAP, timestamp_ms=0, key=b"", value=b"", headers=[])
    return Message(record, attributes, attributes.around(cast(Any, None)) if number % 2 == 0 else None)


def batch_of(count: int) -> Batch:
    tenant_id = new_id()
    messages = [plain(number, tenant_id) for number in range(count)]
    return Batch(partition=Partition("t", 0), expected=0, topic_id=None, messages=messages)


def offsets(batch: Batch) -> Sequence[int]:
    return [message.record.offset // GAP for message in batch.messages]


def follows(parts: Sequence[Batch]) -> bool:
    """Whether each part expects the position that the one before it leaves."""
    return all(part.expected == before.next_offset for before, part in pairwise(parts))


def test_a_slow_handler_gets_a_transaction_per_event() -> None:
    size = ReactorBatchSize(POLICY)
    size.adapt(1, 0.09)
    assert size.events == 1


def test_fast_handlers_share_a_transaction_of_the_intended_time() -> None:
    size = ReactorBatchSize(POLICY)
    for _ in range(20):
        size.adapt(size.events, size.events * 0.001)
    assert size.events == 100


def test_the_size_at_most_doubles_and_drops_at_once() -> None:
    size = ReactorBatchSize(POLICY)
    size.adapt(1, 0.0)
    size.adapt(2, 0.000001)
    assert size.events == 4
    size.adapt(4, 2.0)
    assert size.events == 1


def test_the_size_stays_below_the_largest_batch_and_survives_records_without_a_handler() -> None:
    size = ReactorBatchSize(POLICY)
    for _ in range(20):
        size.adapt(size.events, 0.0)
    size.adapt(0, 1.0)
    assert size.events == POLICY.max_records


def test_the_head_of_a_batch_has_so_many_events_for_a_handler() -> None:
    head, rest = batch_of(7).head(2)
    assert rest is not None
    assert (offsets(head), offsets(rest)) == ([0, 1, 2, 3], [4, 5, 6])
    assert follows([head, rest])
    assert rest.head(2) == (rest, None)


def test_a_batch_is_split_around_the_message_at_fault() -> None:
    batch = batch_of(7)
    parts = list(batch.around(batch.messages[4]))
    assert [offsets(part) for part in parts] == [[0, 1, 2, 3], [4], [5], [6]]
    assert follows(parts)
    assert [offsets(part) for part in batch.around(batch.messages[0])] == [[0], [1, 2, 3], [4, 5, 6]]
    assert [offsets(part) for part in batch.around(batch.messages[6])] == [[0, 1, 2, 3, 4, 5], [6]]


def test_a_part_keeps_the_failures_of_its_records() -> None:
    batch = batch_of(3)
    batch.failures = {2 * GAP: PROCESS_DIED}
    assert [[offset // GAP for offset in offsets_to_handle(part)] for part in batch.split(singly=True)] == [[0], [], []]


def offsets_to_handle(batch: Batch) -> Sequence[int]:
    return [message.record.offset for message in batch.to_handle]


async def test_many_failing_events_are_split_in_bounded_depth() -> None:
    """Each event of a large batch fails: each is stored as failed once, in order, and a batch is
    processed only a few times per event.
    """
    pipeline = FailingPipeline()
    processor = BatchProcessor("c", cast(Pipeline, pipeline), cast(Any, None), POLICY, asyncio.Event())
    async with asyncio.timeout(60):
        await processor.process(batch_of(2000))
    assert pipeline.failed == [number * GAP for number in range(0, 2000, 2)]
    assert pipeline.records < 2000 * 20


class FailingPipeline:
    """Fails at the first event, unless its failure is known."""

    def __init__(self) -> None:
        self.failed: list[int] = []
        self.records = 0

    async def process(self, batch: Batch) -> None:
        self.records += len(batch.messages)
        if not batch.to_handle:
            self.failed += [offset for offset in batch.failures if offset in {m.record.offset for m in batch.messages}]
            return
        batch.step, batch.handling = "handle", batch.to_handle[0]
        raise Permanent("fails always")


@pytest.mark.parametrize(("conflicts", "failed"), [(9, []), (10, [0])])
async def test_an_event_may_conflict_with_other_writers_several_times(conflicts: int, failed: list[int]) -> None:
    pipeline = ConflictingPipeline(conflicts)
    policy = replace(POLICY, max_conflicts=10, pauses=Backoff(first_seconds=0.001, factor=1.0))
    processor = BatchProcessor("c", cast(Pipeline, pipeline), cast(Any, Reachable()), policy, asyncio.Event())
    async with asyncio.timeout(20):
        await processor.process(batch_of(1))
    assert pipeline.failed == failed


class ConflictingPipeline(FailingPipeline):
    def __init__(self, conflicts: int) -> None:
        super().__init__()
        self._left = conflicts

    async def process(self, batch: Batch) -> None:
        if batch.to_handle and self._left:
            self._left -= 1
            batch.step, batch.handling = "handle", batch.to_handle[0]
            raise ConcurrencyConflict("user", new_id(), 1)
        if not batch.to_handle:
            await super().process(batch)


class Reachable:
    async def is_reachable(self) -> bool:
        return True


def test_events_of_a_tenant_are_handled_together_and_in_their_order() -> None:
    ann, bob = sorted((new_id(), new_id()))
    messages = [plain(number, tenant) for number, tenant in enumerate((ann, bob, ann, bob, bob))]
    assert [message.record.offset // GAP for message in by_tenant(messages)] == [0, 2, 1, 3, 4]


def test_tenants_are_in_the_same_order_in_each_partition() -> None:
    ann, bob = new_id(), new_id()
    first, second = [plain(0, ann), plain(1, bob)], [plain(0, bob), plain(1, ann)]
    assert [tenants(by_tenant(messages)) for messages in (first, second)] == [sorted((ann, bob))] * 2


def tenants(messages: Sequence[Message]) -> Sequence[UUID]:
    return [message.attributes.tenant_id for message in messages if message.attributes]


def test_events_without_a_version_keep_the_order_of_the_topic() -> None:
    ann, bob = new_id(), new_id()
    messages = [plain(0, ann), plain(1, bob, sequence=None), plain(2, ann)]
    assert by_tenant(messages) == messages


def test_dead_letters_of_one_transaction_have_ids_in_the_order_of_their_records() -> None:
    stored = in_order_of_ids([waiting(plain(number, new_id())) for number in range(50)])
    assert [each.record.offset // GAP for each in sorted(stored, key=lambda each: each.id)] == list(range(50))
