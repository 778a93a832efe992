"""Behaviour of every job queue, as a caller of `enqueue` needs it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.jobs import Service, migrate
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.clock import SystemClock
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.tenant import NoTenantBound, bound_tenants
from waypost.memory.database import MemoryDatabase
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.ports.unit_of_work import UnitsOfWork
from waypost.testing.database import Databases

OURS, THEIRS = TenantId(new_id()), TenantId(new_id())


@dataclass(frozen=True, slots=True)
class QueueUnderTest:
    units: UnitsOfWork
    queued: Callable[[], Awaitable[Mapping[UUID, tuple[str, TenantId]]]]
    """Name and tenant of every committed job, over all tenants."""


class Undone(Exception):
    """Rolls a transaction back."""


async def charge(job: JobContext, invoice_id: UUID | None = None) -> None: ...


async def mail(job: JobContext) -> None: ...


@pytest.fixture
def in_memory() -> QueueUnderTest:
    database = MemoryDatabase()

    async def queued() -> Mapping[UUID, tuple[str, TenantId]]:
        return {each.id: (each.name, each.tenant_id) for each in database.tables.jobs.values()}

    return QueueUnderTest(MemoryUnitsOfWork(database, "billing", SystemClock()), queued)


@pytest.fixture
async def on_postgres(database: Databases) -> AsyncIterator[QueueUnderTest]:
    service = Service((await database("billing", migrate)).app, [Job(charge), Job(mail)])

    async def queued() -> Mapping[UUID, tuple[str, TenantId]]:
        return {row["id"]: (row["name"], row["tenant_id"]) for row in await service.fetch("select * from jobs")}

    yield QueueUnderTest(service.units, queued)
    await service.database.close()


@pytest.fixture(params=["in_memory", "on_postgres"])
def queue(request: pytest.FixtureRequest) -> QueueUnderTest:
    found: QueueUnderTest = request.getfixturevalue(request.param)
    return found


async def enqueue(queue: QueueUnderTest, name: str, *, tenant: TenantId = OURS, **arguments: Any) -> UUID:
    with bound_tenants([tenant]):
        async with queue.units.begin() as unit:
            return await unit.jobs.enqueue(name, **arguments)


async def test_job_exists_after_the_commit_with_its_tenant(queue: QueueUnderTest) -> None:
    first = await enqueue(queue, "charge", invoice_id=new_id())
    second = await enqueue(queue, "mail", tenant=THEIRS)
    assert await queue.queued() == {first: ("charge", OURS), second: ("mail", THEIRS)}


async def test_rollback_removes_the_job_and_frees_its_key(queue: QueueUnderTest) -> None:
    with bound_tenants([OURS]), pytest.raises(Undone):
        async with queue.units.begin() as unit:
            await unit.jobs.enqueue("charge", idempotency_key="inv-1")
            raise Undone
    assert await queue.queued() == {}
    job = await enqueue(queue, "charge", idempotency_key="inv-1")
    assert await queue.queued() == {job: ("charge", OURS)}


async def test_key_identifies_one_job_per_tenant_and_name(queue: QueueUnderTest) -> None:
    first = await enqueue(queue, "charge", idempotency_key="inv-1")
    assert await enqueue(queue, "charge", idempotency_key="inv-1") == first
    others = {
        await enqueue(queue, "charge", idempotency_key="inv-2"),
        await enqueue(queue, "mail", idempotency_key="inv-1"),
        await enqueue(queue, "charge", idempotency_key="inv-1", tenant=THEIRS),
        await enqueue(queue, "charge"),
        await enqueue(queue, "charge"),
    }
    assert await queue.queued() == {first: ("charge", OURS)} | {job: (await queue.queued())[job] for job in others}
    assert len(others) == 5


async def test_second_enqueue_in_one_transaction_returns_the_first_job(queue: QueueUnderTest) -> None:
    with bound_tenants([OURS]):
        async with queue.units.begin() as unit:
            first = await unit.jobs.enqueue("charge", idempotency_key="inv-1")
            assert await unit.jobs.enqueue("charge", idempotency_key="inv-1") == first
    assert len(await queue.queued()) == 1


async def test_object_arguments_are_refused(queue: QueueUnderTest) -> None:
    for thing in ({"id": new_id()}, [object()], object(), 1.5):
        with pytest.raises(Invalid, match="scalars"):
            await enqueue(queue, "charge", invoice_id=thing)
    assert await queue.queued() == {}


async def test_enqueue_for_several_tenants_is_refused(queue: QueueUnderTest) -> None:
    with bound_tenants([OURS, THEIRS]), pytest.raises(NoTenantBound):
        async with queue.units.begin() as unit:
            await unit.jobs.enqueue("mail")


async def test_enqueue_without_a_tenant_is_refused(queue: QueueUnderTest) -> None:
    with pytest.raises(NoTenantBound):
        async with queue.units.begin() as unit:
            await unit.jobs.enqueue("mail")
    assert await queue.queued() == {}
