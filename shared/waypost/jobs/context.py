"""What a job's handler is given beside its arguments."""

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
    """One attempt. The worker renews its lease; an attempt that lost it is cancelled, and its
    outcome dropped.
    """

    id: JobId
    name: str
    attempt: int
    """1 for the first. Counted before the handler starts, so that one that never ends counts too.
    """
    tenant_id: TenantId
    enqueued_at: datetime
    """The same on every attempt. A schedule's job was enqueued at its tick, also one that ran late.
    """
    idempotency_key: str
    """The same on every attempt: that of the enqueue, else the job's id. For calls to the outside.
    """
    resources: R
    """What the process opened at its start, shared by all its jobs."""
    clock: Clock
    """The worker's: it decides by the same time when the job is due again."""
    open_unit: Callable[[], AbstractAsyncContextManager[UnitOfWork]]
    report: Callable[[int], Awaitable[None]]

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction bound to the job's tenant, caused by the job; commits at the end of the
        block. Never held over an outside call.
        """
        return self.open_unit()

    async def progress(self, percent: int) -> None:
        """Shows 0 to 100 in the job's status."""
        await self.report(percent)
