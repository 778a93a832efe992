"""The context that a job's handler receives with its arguments."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from typing_extensions import TypeVar  # the standard library's takes a default from 3.13 on

from waypost.kernel.clock import Clock
from waypost.kernel.ids import JobId, TenantId
from waypost.ports.unit_of_work import UnitOfWork

R = TypeVar("R", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext(Generic[R]):
    """One execution of a job. The worker renews its lease; an execution that loses it is cancelled,
    and its outcome is dropped.
    """

    id: JobId
    name: str
    attempt: int
    """The number of this attempt, from 1 to `max_attempts`. Counted before the handler starts, so
    that an attempt that never ends counts too. An execution after an outage repeats the number,
    because the outage used no attempt.
    """
    outages: int
    """Earlier executions that an outage ended: they raised `Transient`, `Unavailable` or
    `NotYet`. Without limit.
    """
    tenant_id: TenantId
    enqueued_at: datetime
    """The same on every attempt. For a scheduled job, the time of its tick, even if it ran late."""
    idempotency_key: str
    """The same on every attempt: the key of the enqueue, or the job's id. For calls to external
    systems.
    """
    resources: R
    """Resources opened at the process's start, shared by all its jobs."""
    clock: Clock
    """The database's time (`DatabaseClock`); a test may move it."""
    open_unit: Callable[[], AbstractAsyncContextManager[UnitOfWork]]
    report: Callable[[int], Awaitable[None]]

    @property
    def executions(self) -> int:
        """How often the handler has begun, this time included: attempts and outages."""
        return self.attempt + self.outages

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction bound to the job's tenant and cause; commits at the end of the block. Do
        not keep it open during an external call.
        """
        return self.open_unit()

    async def progress(self, percent: int) -> None:
        """Reports progress, 0 to 100, in the job's status."""
        await self.report(percent)
