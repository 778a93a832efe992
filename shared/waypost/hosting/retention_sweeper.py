"""What every service forgets after a time, without a line of its own: events taken in, answers to
repeated requests, results of jobs.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.jobs.declaration import ListTenants
from waypost.jobs.results import prune_results
from waypost.kernel.backoff import Backoff
from waypost.kernel.ids import TenantId
from waypost.postgres.database import Database
from waypost.postgres.retention import prune_answers, prune_inbox
from waypost.postgres.tenancy import some_at_a_time

log = structlog.get_logger()

BACKOFF = Backoff(first_seconds=1.0, factor=4.0, most_seconds=300.0)

PruneForTenants = Callable[[Database, Sequence[TenantId], timedelta], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    inbox: timedelta = ConsumerPolicy().inbox_remembers + timedelta(days=1)
    """A day longer than the consumers rely on, so that neither clock decides."""
    answers: timedelta = timedelta(days=1)
    """Of an Idempotency-Key."""
    results: timedelta = timedelta(days=30)
    """Of finished jobs, and with them the keys of their enqueues; dead ones stay for an operator.
    """


class RetentionSweeper(PeriodicLoop):
    """A `waypost.engine.process.Lifecycle`; every job process may run one.

    No scheduled job, since the inbox belongs to no tenant, and closed tenants, for whom as a rule
    no job is scheduled, have rows too. A round that is cut off or done twice does no harm, so that
    nobody needs to remember when the last one was.
    """

    name = "upkeep"

    def __init__(
        self,
        database: Database,
        tenants: ListTenants,
        *,
        retention: Retention = Retention(),
        every: timedelta = timedelta(hours=1),
    ) -> None:
        super().__init__(every_seconds=every.total_seconds(), backoff=BACKOFF)
        self._database = database
        self._tenants = tenants
        """Closed ones as well."""
        self._retention = retention

    async def start(self) -> None:
        """Ready at once: a round may take long, and nothing waits for it."""
        self.ready.set()
        await super().start()

    async def drain(self, deadline_seconds: float) -> None:
        """Nothing to end: a chunk that is cut off rolls back."""
        await self.stop()

    async def tick(self) -> None:
        await self.round()

    async def round(self) -> None:
        """Removes all that is old by now."""
        async with self._database.transaction() as rows:
            tenants = await self._tenants(rows)
        inbox = await prune_inbox(self._database, self._retention.inbox)
        answers = await self._prune(prune_answers, tenants, self._retention.answers)
        results = await self._prune(prune_results, tenants, self._retention.results)
        log.info("retention_done", inbox=inbox, answers=answers, results=results)

    async def _prune(self, prune: PruneForTenants, tenants: Sequence[TenantId], older_than: timedelta) -> int:
        return sum([await prune(self._database, some, older_than) for some in some_at_a_time(tenants)])
