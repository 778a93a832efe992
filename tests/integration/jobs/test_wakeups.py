"""The unit of work wakes relay and worker after its commit; handlers need no code for it."""

import asyncio

import pytest

from services.notifications.domain import Notification, NotificationKind
from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker.leases import Leases
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.memory.wakeups import MemoryWakeups
from waypost.postgres.direct import close_directly, connect_directly
from waypost.testing.eventually import eventually


async def work(job: JobContext) -> None: ...


async def test_commit_sends_wakeups_for_its_rows_and_a_rollback_does_not(service: ServiceOf) -> None:
    wakeups = MemoryWakeups()
    billing = await service([Job(work)], wakeup_sender=wakeups)
    with bound_tenants([billing.tenant]):
        async with billing.units.begin() as uow:
            uow.add(_dead_letter(billing))
            assert wakeups.sent == []
        assert wakeups.sent == ["outbox"]

        async with billing.units.begin() as uow:
            await uow.jobs.enqueue("work")
        assert wakeups.sent == ["outbox", "jobs"]

        with pytest.raises(ZeroDivisionError):
            async with billing.units.begin() as uow:
                uow.add(_dead_letter(billing))
                await uow.jobs.enqueue("work", idempotency_key=str(1 // 0))
        async with billing.units.begin():
            """A handler that writes nothing."""
        assert wakeups.sent == ["outbox", "jobs"]


def _dead_letter(billing: Service) -> Notification:
    user_id = new_id()
    return Notification.queue(
        new_id(),
        billing.tenant,
        recipient_id=user_id,
        kind=NotificationKind.WELCOME,
        subject_type="user",
        subject_id=user_id,
        at=billing.clock.now(),
    )


async def test_a_handler_begins_before_the_worker_looks_for_delayed_jobs(
    service: ServiceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, promote = [], Leases.promote_due_jobs

    async def note(job: JobContext) -> None:
        steps.append("handler")

    async def noted(leases: Leases) -> float | None:
        steps.append("promote")
        return await promote(leases)

    monkeypatch.setattr(Leases, "promote_due_jobs", noted)
    billing = await service([Job(note)])
    job = await billing.enqueue("note")
    async with billing.working():
        await billing.becomes("complete", job)
        await eventually(lambda: "promote" in steps)
    assert steps[0] == "handler"


async def test_released_job_wakes_other_workers(service: ServiceOf) -> None:
    """Their pauses are up to five polls long."""

    async def endless(job: JobContext) -> None:
        await asyncio.Event().wait()

    billing, woken = await service([Job(endless)]), asyncio.Event()
    other = await connect_directly(billing.database.dsn, application_name="other-worker")
    try:
        await other.add_listener("jobs", lambda *_: woken.set())
        job = await billing.enqueue("endless")
        async with billing.working() as worker:
            await billing.becomes("running", job)
            assert not woken.is_set()
            await worker.drain(0.05)
            async with asyncio.timeout(5):
                await woken.wait()
    finally:
        await close_directly(other)
