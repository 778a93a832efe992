"""Claims: tenants take turns, kinds have limits, and the most urgent job is first."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.jobs.worker import leases as leases_module
from waypost.jobs.worker.leases import Leases
from waypost.jobs.worker.session import WorkerSession
from waypost.kernel.ids import TenantId, new_id
from waypost.testing.eventually import eventually

ONE_AT_A_TIME = JobWorkerSettings(max_jobs=1, poll_seconds=0.1)
TEN_SLOTS = JobWorkerSettings(max_jobs=10, poll_seconds=3600)
"""Never polls: only a slot that becomes free leads to the next claim."""


async def work(job: JobContext) -> None: ...


async def urgent(job: JobContext) -> None: ...


async def queue_jobs(billing: Service, name: str, tenants: Sequence[TenantId], each: int = 1) -> None:
    for tenant in tenants:
        for _ in range(each):
            await billing.enqueue(name, tenant=tenant)


async def claimed(
    billing: Service, *sizes: int, kinds: Sequence[str] = ("work",), capacity: int = 100
) -> Sequence[Sequence[Claim]]:
    """Claims of these sizes, one after another, of one worker."""
    session = WorkerSession(billing.database.dsn)
    leases = Leases(session, worker="test", seconds=3600)
    claims = [await leases.claim(size, dict.fromkeys(kinds, capacity), max_crashed=0) for size in sizes]
    await session.close()
    return claims


def tenants_of(claims: Sequence[Claim]) -> Sequence[TenantId]:
    return [claim.tenant_id for claim in claims]


async def test_a_tenant_with_many_jobs_does_not_delay_the_first_job_of_another(service: ServiceOf) -> None:
    ran: list[TenantId] = []

    async def note(job: JobContext) -> None:
        ran.append(job.tenant_id)

    billing = await service([Job(note)])
    busy, quiet = TenantId(new_id()), TenantId(new_id())
    await queue_jobs(billing, "note", [busy], each=30)
    await queue_jobs(billing, "note", [quiet])
    async with billing.working(settings=ONE_AT_A_TIME):
        await eventually(lambda: len(ran) == 31)
    assert ran.index(quiet) <= 1


async def test_each_tenant_has_its_turn_before_one_has_its_second(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    tenants = [TenantId(new_id()) for _ in range(5)]
    await queue_jobs(billing, "work", tenants, each=3)
    one_by_one = [tenants_of(each)[0] for each in await claimed(billing, *[1] * 15)]
    for turn in (one_by_one[:5], one_by_one[5:10], one_by_one[10:]):
        assert sorted(turn) == sorted(tenants)


@pytest.mark.parametrize("size", [1, 3])
async def test_the_lowest_and_the_highest_id_have_their_turns(service: ServiceOf, size: int) -> None:
    """The nil and the max UUID of RFC 9562."""
    billing = await service([Job(work)])
    tenants = [TenantId(UUID(int=0)), TenantId(new_id()), TenantId(UUID(int=2**128 - 1))]
    await queue_jobs(billing, "work", tenants, each=4)
    claims = [claim for each in await claimed(billing, *[size] * (12 // size)) for claim in each]
    assert len({claim.id for claim in claims}) == 12
    for turn in range(4):
        assert set(tenants_of(claims[3 * turn : 3 * turn + 3])) == set(tenants)


async def test_claims_of_many_jobs_give_each_tenant_an_equal_share_and_continue_behind_the_last(
    service: ServiceOf,
) -> None:
    billing = await service([Job(work)])
    busy, *quiet = [TenantId(new_id()) for _ in range(8)]
    await queue_jobs(billing, "work", [busy], each=40)
    await queue_jobs(billing, "work", quiet, each=2)
    first, second, third, fourth = map(tenants_of, await claimed(billing, 4, 4, 8, 8))
    assert Counter([*first, *second]) == Counter([busy, *quiet])
    assert Counter(third) == Counter([busy, *quiet])
    assert set(fourth) == {busy}


async def test_of_two_workers_that_claim_at_once_none_waits_and_none_goes_empty(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    await queue_jobs(billing, "work", [TenantId(new_id()) for _ in range(40)])
    claims = [each for some in await asyncio.gather(*(claimed(billing, 10) for _ in range(4))) for each in some]
    assert [len(each) for each in claims] == [10] * 4
    assert len({claim.id for each in claims for claim in each}) == 40


async def test_the_most_urgent_is_first_over_all_tenants_and_kinds(service: ServiceOf) -> None:
    billing = await service([Job(work), Job(urgent, priority=20)])
    tenants = [TenantId(new_id()) for _ in range(6)]
    await queue_jobs(billing, "work", tenants, each=5)
    await queue_jobs(billing, "urgent", tenants[:2], each=2)
    chosen = await billing.enqueue("work", tenant=tenants[5], priority=30)
    (first,) = await claimed(billing, 6, kinds=("work", "urgent"))
    assert [claim.priority for claim in first] == [30, 20, 20, 20, 20, 0]
    assert first[0].id == chosen


async def test_kinds_of_equal_priority_take_turns(service: ServiceOf) -> None:
    billing = await service([Job(work), Job(urgent)])
    for kind in ("work", "urgent"):
        await queue_jobs(billing, kind, [billing.tenant], each=4)
    claims = await claimed(billing, *[1] * 8, kinds=("work", "urgent"))
    names = [claim.name for each in claims for claim in each]
    assert names in (["work", "urgent"] * 4, ["urgent", "work"] * 4)


async def test_kinds_take_turns_at_each_priority(service: ServiceOf) -> None:
    """More urgent jobs of a kind do not cost its other jobs their turn."""
    billing = await service([Job(work), Job(urgent)])
    session = WorkerSession(billing.database.dsn)
    leases = Leases(session, worker="test", seconds=3600)
    for kind in ("work", "urgent"):
        await queue_jobs(billing, kind, [billing.tenant], each=10)
    names = []
    for _ in range(4):
        await billing.enqueue("work", priority=20)
        for _ in range(2):
            (claim,) = await leases.claim(1, {"work": 1, "urgent": 1}, max_crashed=0)
            names.append((claim.name, claim.priority))
    await session.close()
    assert names[::2] == [("work", 20)] * 4
    assert Counter(names[1::2]) == {("work", 0): 2, ("urgent", 0): 2}


async def test_more_urgent_jobs_of_one_tenant_leave_the_turns_of_the_others(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    session = WorkerSession(billing.database.dsn)
    leases = Leases(session, worker="test", seconds=3600)
    *_, last = tenants = sorted(TenantId(new_id()) for _ in range(3))
    await queue_jobs(billing, "work", tenants, each=10)
    served = []
    for _ in range(6):
        await billing.enqueue("work", tenant=last, priority=20)
        for _ in range(2):
            (claim,) = await leases.claim(1, {"work": 1}, max_crashed=0)
            served.append(claim.tenant_id)
    await session.close()
    assert served[::2] == [last] * 6
    assert served[1::2] == tenants * 2


async def test_a_worker_remembers_the_turns_of_a_limited_number_of_priorities(
    service: ServiceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "REMEMBERED", 3)
    billing = await service([Job(work)])
    session = WorkerSession(billing.database.dsn)
    leases = Leases(session, worker="test", seconds=3600)
    for priority in range(8):
        await billing.enqueue("work", priority=priority)
        (claim,) = await leases.claim(1, {"work": 1}, max_crashed=0)
        assert claim.priority == priority
    await session.close()
    assert [priority for _, priority in vars(leases)["_served"]] == [5, 6, 7]


async def test_a_kind_is_claimed_up_to_its_limit_with_jobs_of_several_priorities(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    for priority in (1, 2, 3):
        for _ in range(3):
            await billing.enqueue("work", priority=priority)
    (first,) = await claimed(billing, 10, capacity=4)
    assert [claim.priority for claim in first] == [3, 3, 3, 2]


async def test_a_kind_that_waits_for_an_external_system_leaves_slots_for_others(service: ServiceOf) -> None:
    running, most, answer = 0, 0, asyncio.Event()

    async def charge(job: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await answer.wait()
        running -= 1

    billing = await service([Job(charge, priority=20, max_at_once=3), Job(work)])
    charges = [await billing.enqueue("charge") for _ in range(12)]
    async with billing.working(settings=TEN_SLOTS):
        await eventually(lambda: running == 3)
        for _ in range(5):
            await billing.becomes("complete", await billing.enqueue("work"))
        assert running == 3
        answer.set()
        for job in charges:
            await billing.becomes("complete", job)
    assert most == 3


async def test_a_full_kind_continues_when_its_own_slot_becomes_free(service: ServiceOf) -> None:
    let_go = asyncio.Queue[None]()
    begun = 0

    async def charge(job: JobContext) -> None:
        nonlocal begun
        begun += 1
        await let_go.get()

    billing = await service([Job(charge, max_at_once=1)])
    jobs = [await billing.enqueue("charge") for _ in range(3)]
    async with billing.working(settings=TEN_SLOTS):
        for number, job in enumerate(jobs, start=1):
            await eventually(lambda: begun == number)  # noqa: B023 - awaited here
            let_go.put_nowait(None)
            await billing.becomes("complete", job)
