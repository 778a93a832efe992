"""Common mistakes in job declarations: each is refused at the start of the process, with a message
that names the correction.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest

from services.users.app import SERVICE
from waypost.engine.process import Lifecycle
from waypost.hosting import api
from waypost.hosting.runtime import Runtime
from waypost.hosting.settings import ApiSettings, JobSettings, load
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorker
from waypost.kernel.errors import Misconfigured

ENVIRONMENT = {
    "WAYPOST_APP_DSN": "postgresql://users_app:secret@127.0.0.1:1/users",
    "WAYPOST_OPS_DSN": "postgresql://users_ops:secret@127.0.0.1:1/users",
    "WAYPOST_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "WAYPOST_IDEMPOTENCY_SECRET": "a secret that stays the same",
    "WAYPOST_SERVICE_PORT": "1",
    "WAYPOST_MANAGEMENT_ADDRESS": "public",
}


async def charge(job: JobContext, invoice_id: UUID) -> None: ...


async def test_worker_on_the_pool_of_the_api_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_a_worker_too(
        runtime: Runtime, parts: Sequence[Lifecycle], settings: ApiSettings, *, ending: asyncio.Event
    ) -> None:
        worker = JobWorker(
            runtime.database,
            runtime.units,
            runtime.jobs,
            clock=runtime.clock,
            wakeup=asyncio.Event(),
            resources=nullcontext,
        )
        await worker.start()

    monkeypatch.setattr(api, "run_parts", run_a_worker_too)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        Misconfigured,
        match=r"reserved for requests; jobs would use up its connections.* a separate process",
    ):
        await api.run_api(SERVICE)


def test_pool_without_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, "WAYPOST_POOL_SIZE": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match="WAYPOST_POOL_SIZE: Input should be greater than or equal to 1"):
        load(JobSettings)


@pytest.mark.parametrize("tries", [1, 0, -1])
def test_job_with_a_single_attempt_is_refused(tries: int) -> None:
    with pytest.raises(
        Misconfigured,
        match=f"job charge: with max_attempts={tries} one lost connection makes it dead.* give the reason",
    ):
        Job(charge, max_attempts=tries)


def test_job_with_a_reason_for_a_single_attempt_is_accepted() -> None:
    assert Job(charge, only_once="the printer does not report whether it has printed").max_attempts == 1
    assert (Job(charge).max_attempts, Job(charge, max_attempts=2).max_attempts) == (5, 2)


def test_synchronous_handler_is_refused() -> None:
    def blocks(job: JobContext) -> None: ...

    with pytest.raises(Misconfigured, match="job blocks: a handler must be an async function"):
        Job(blocks)  # type: ignore[arg-type]  # the point


def test_handler_of_another_queue_is_refused() -> None:
    """A handler written for arq: its context is a dict, and a parameter without an annotation
    cannot be checked.
    """

    async def bare(ctx, invoice_id: UUID) -> None: ...  # type: ignore[no-untyped-def]  # the point

    async def no_context(invoice_id: UUID) -> None: ...

    async def nothing() -> None: ...

    async def untyped(job: JobContext, invoice) -> None: ...  # type: ignore[no-untyped-def]  # the point

    for handler in (bare, no_context, nothing):
        with pytest.raises(
            Misconfigured, match=f"job {handler.__name__}: the first parameter must be the job's context"
        ):
            Job(handler)
    with pytest.raises(
        Misconfigured,
        match="job untyped: invoice is None; a job takes str, int, bool, UUID, datetime, date and Decimal",
    ):
        Job(untyped)


def test_handler_with_positional_only_arguments_is_refused() -> None:
    async def many(job: JobContext, *ids: UUID) -> None: ...

    async def any_kind(job: JobContext, **given: str) -> None: ...

    async def by_place(job: JobContext, invoice_id: UUID, /) -> None: ...

    handlers: Sequence[Any] = (many, any_kind, by_place)
    for handler in handlers:
        with pytest.raises(Misconfigured, match=r"cannot be passed by name; enqueue\(\) passes every argument by name"):
            Job(handler)
