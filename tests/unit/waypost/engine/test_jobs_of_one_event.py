"""A handler that receives an event again enqueues the same jobs, under the same keys."""

from datetime import UTC, datetime

import pytest

from schemas.users import UserCreated, UserErased
from waypost.engine.consumer.effects import JobsOfOneEvent
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.memory.database import MemoryDatabase, QueuedJob
from waypost.memory.jobs import MemoryJobQueue
from waypost.ports.consumers import Reactor
from waypost.ports.unit_of_work import UnitOfWork

TENANT = TenantId(new_id())


async def handled(database: MemoryDatabase, event_id: EventId, consumer: str = "club.greetings") -> list[QueuedJob]:
    """The jobs of a handler that enqueues four jobs, two of them identical."""
    async with database.transaction([TENANT]) as transaction:
        jobs = JobsOfOneEvent(MemoryJobQueue(transaction), consumer, event_id)
        for user in ("ann", "bob", "bob"):
            await jobs.enqueue("greet", user=user)
        await jobs.enqueue("greet", idempotency_key="greet-once", user="eve")
    return list(database.tables.jobs.values())


async def test_second_delivery_enqueues_nothing() -> None:
    database, event_id = MemoryDatabase(), EventId(new_id())
    first = await handled(database, event_id)
    assert len(first) == 4
    assert await handled(database, event_id) == first


async def test_job_enqueued_again_has_the_first_key() -> None:
    event_id = EventId(new_id())
    first, after_the_results_are_gone = (
        await handled(MemoryDatabase(), event_id),
        await handled(MemoryDatabase(), event_id),
    )
    assert [each.idempotency_key for each in first] == [each.idempotency_key for each in after_the_results_are_gone]
    assert first[3].idempotency_key == "greet-once"


async def test_another_event_or_consumer_enqueues_other_jobs() -> None:
    database, event_id = MemoryDatabase(), EventId(new_id())
    await handled(database, event_id)
    assert len(await handled(database, event_id, consumer="club.other")) == 4 + 3
    assert len(await handled(database, EventId(new_id()))) == 7 + 3


async def greet(created: Envelope[UserCreated], uow: UnitOfWork) -> None:
    """Never called."""


def test_since_needs_a_handled_type_and_a_time_zone() -> None:
    with pytest.raises(Misconfigured, match="no handler"):
        Reactor("greetings", {UserCreated: greet}, since={UserErased: datetime.now(UTC)})
    with pytest.raises(Misconfigured, match="no time zone"):
        Reactor("greetings", {UserCreated: greet}, since={UserCreated: datetime(2026, 1, 1)})  # noqa: DTZ001
