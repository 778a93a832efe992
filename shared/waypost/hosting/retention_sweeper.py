"""Deletes expired rows of every service: inbox entries, stored responses of idempotency keys, dead
jobs, results of finished jobs, settled dead letters.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from waypost.engine.consumer import ConsumerPolicy
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.engine.process import Independent
from waypost.kernel.backoff import Backoff
from waypost.postgres.database import Database
from waypost.postgres.retention import (
    prune_dead_jobs,
    prune_dead_letters,
    prune_inbox,
    prune_results,
    prune_stored_responses,
)

log = structlog.get_logger()

BACKOFF = Backoff(first_seconds=1.0, factor=4.0, max_seconds=300.0)
ROUND = timedelta(hours=1)

Prune = Callable[[Database, timedelta], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    inbox: timedelta = ConsumerPolicy().duplicate_window + timedelta(days=1)
    """One day longer than consumers need the entries, so that clock differences do not matter."""
    stored_responses: timedelta = timedelta(days=1)
    """How long the response to an Idempotency-Key is stored."""
    results: timedelta = timedelta(days=30)
    """How long results of completed and cancelled jobs and their idempotency keys are stored."""
    dead_jobs: timedelta = timedelta(days=90)
    """How long an operator may retry a dead job; its result is stored as long."""
    dead_letters: timedelta = timedelta(days=30)
    """How long a redriven or superseded dead letter is stored, and the record of a discarded one.
    Open ones stay for an operator.
    """


class RetentionSweeper(Independent, PeriodicLoop):
    """A `waypost.engine.process.Lifecycle`. Every job process can run one.

    It is not a scheduled job, because the inbox belongs to no tenant, and closed tenants have rows
    but no scheduled jobs. An interrupted or repeated round is harmless, so no last run is stored.
    """

    name = "retention"

    def __init__(self, database: Database, *, retention: Retention = Retention(), every: timedelta = ROUND) -> None:
        super().__init__(every_seconds=every.total_seconds(), backoff=BACKOFF)
        self._database = database
        self._steps: Sequence[tuple[str, Prune, timedelta]] = (
            ("inbox", prune_inbox, retention.inbox),
            ("dead_letters", prune_dead_letters, retention.dead_letters),
            ("stored_responses", prune_stored_responses, retention.stored_responses),
            ("results", prune_results, retention.results),
            ("dead_jobs", prune_dead_jobs, retention.dead_jobs),
        )

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
        """Deletes all expired rows. A table that fails does not keep the others from being pruned;
        raises its error at the end.
        """
        deleted: dict[str, int] = {}
        errors: list[Exception] = []
        for name, prune, older_than in self._steps:
            try:
                deleted[name] = await prune(self._database, older_than)
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
        log.info("retention_done", **deleted)
        if errors:
            raise errors[0]
