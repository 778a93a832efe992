"""Deletes expired rows of every service: inbox entries, stored responses of idempotency keys,
results of finished jobs, settled dead letters.
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
from waypost.postgres.retention import prune_dead_letters, prune_inbox, prune_stored_responses
from waypost.postgres.tenancy import some_at_a_time

log = structlog.get_logger()

BACKOFF = Backoff(first_seconds=1.0, factor=4.0, max_seconds=300.0)

PruneForTenants = Callable[[Database, Sequence[TenantId], timedelta], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    inbox: timedelta = ConsumerPolicy().duplicate_window + timedelta(days=1)
    """One day longer than consumers need the entries, so that clock differences do not matter."""
    stored_responses: timedelta = timedelta(days=1)
    """How long the response to an Idempotency-Key is stored."""
    results: timedelta = timedelta(days=30)
    """How long results of finished jobs and their idempotency keys are stored. Dead jobs are kept
    for an operator.
    """
    dead_letters: timedelta = timedelta(days=30)
    """How long a redriven or superseded dead letter is stored, and the record of a discarded one.
    Open ones stay for an operator.
    """


class RetentionSweeper(PeriodicLoop):
    """A `waypost.engine.process.Lifecycle`. Every job process can run one.

    It is not a scheduled job, because the inbox belongs to no tenant, and closed tenants have rows
    but no scheduled jobs. An interrupted or repeated round is harmless, so no last run is stored.
    """

    name = "retention"

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
        """Lists all tenants, including closed ones."""
        self._retention = retention

    async def start(self) -> None:
        """Ready immediately: nothing waits for the first round, which may take long."""
        self.ready.set()
        await super().start()

    async def drain(self, deadline_seconds: float) -> None:
        """Stops immediately: an interrupted chunk rolls back."""
        await self.stop()

    async def tick(self) -> None:
        await self.round()

    async def round(self) -> None:
        """Deletes all expired rows."""
        async with self._database.transaction() as rows:
            tenants = await self._tenants(rows)
        inbox = await prune_inbox(self._database, self._retention.inbox)
        dead_letters = await prune_dead_letters(self._database, self._retention.dead_letters)
        stored_responses = await self._prune(prune_stored_responses, tenants, self._retention.stored_responses)
        results = await self._prune(prune_results, tenants, self._retention.results)
        log.info(
            "retention_done", inbox=inbox, dead_letters=dead_letters, stored_responses=stored_responses, results=results
        )

    async def _prune(self, prune: PruneForTenants, tenants: Sequence[TenantId], older_than: timedelta) -> int:
        return sum([await prune(self._database, some, older_than) for some in some_at_a_time(tenants)])
