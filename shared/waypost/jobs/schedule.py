"""Enqueues scheduled jobs, one per tenant. Each tick happens once, with any number of
schedulers.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import PeriodicLoop, is_asked_to_stop
from waypost.engine.process import Independent
from waypost.engine.retry import PAUSES
from waypost.jobs.declaration import JobRegistry, ListTenants, Scheduled
from waypost.jobs.queue import enqueue_for_each
from waypost.jobs.status import QUEUED
from waypost.kernel.clock import Clock
from waypost.kernel.errors import Invalid, Misconfigured, Transient
from waypost.kernel.ids import TenantId
from waypost.ports.wakeups import WakeupSender
from waypost.postgres.database import Database
from waypost.postgres.sql import Sql

log = structlog.get_logger()

BEFORE_COMMIT = failpoint("schedule.before_commit")

# A new schedule has missed nothing: its first tick is the next one.
_INTRODUCE = "insert into job_schedules (name, last_tick) values ($1, $2) on conflict (name) do nothing"

# The row is the lock: a second scheduler waits for the first one's commit and then finds the tick
# processed. A clock that was set back processes none.
_TAKE = "update job_schedules set last_tick = $2 where name = $1 and last_tick < $2 returning name"

# Tenants with a queued job of an earlier tick; a running job may have passed the work of this tick.
# Their keys begin with the name of the schedule (`$2`). A job that waits for longer than the pause
# of an outage does not replace the tick. In parts, each of which a partial index implies.
_WAITING = " union ".join(
    f"""select tenant_id from jobs
where {predicate} and name = $1 and starts_with(idempotency_key, $2) and run_at <= now() + make_interval(secs => $3)"""
    for predicate in QUEUED
)

# A tick of the year 2099, processed because of one wrong clock, would stop the schedule until then.
_LIES_AHEAD = "select $1 > now() + interval '1 hour'"


class Scheduler(Independent, PeriodicLoop):
    """Every job process may run one; a `waypost.engine.process.Lifecycle`. Of the ticks missed
    while none ran, only the latest is processed.
    """

    name = "schedule"

    def __init__(
        self,
        database: Database,
        schedule: Sequence[Scheduled],
        registry: JobRegistry,
        tenants: ListTenants,
        *,
        clock: Clock,
        wakeup_sender: WakeupSender,
        poll_seconds: float = 1.0,
    ) -> None:
        super().__init__(every_seconds=poll_seconds)
        self._database = database
        self._schedule = schedule
        self._registry = registry
        self._tenants = tenants
        self._clock = clock
        """Decides when a tick is due: that of the database, unless a test moves its own."""
        self._wakeup_sender = wakeup_sender
        self._known: dict[str, datetime] = {}

    async def start(self) -> None:
        """Starts. Raises Misconfigured for a schedule whose job is not declared or takes
        arguments.
        """
        for scheduled in self._schedule:
            try:
                self._registry.encode(scheduled.job, {})
            except Invalid as error:
                raise Misconfigured(f"schedule {scheduled.name!r}: {error}") from error
        await super().start()

    async def drain(self, deadline_seconds: float) -> None:
        """Stops at once: an interrupted tick is rolled back and processed by another scheduler."""
        await self.stop()

    async def tick(self) -> None:
        """Enqueues due jobs. Queries the database only after a tick; checks the clock often,
        because it may jump.

        A schedule that fails does not stop the others. Raises the first error after the last
        schedule.
        """
        now = self._clock.now()
        first_error: BaseException | None = None
        for scheduled in self._schedule:
            try:
                await self._process_latest(scheduled, now)
            except (Exception, asyncio.CancelledError) as error:
                if is_asked_to_stop():
                    raise
                first_error = first_error or error
        if first_error is not None:
            raise first_error

    async def _process_latest(self, scheduled: Scheduled, now: datetime) -> None:
        latest = scheduled.latest_tick(now)
        if self._known.get(scheduled.name) != latest:
            await self._process_tick(scheduled, latest)
            self._known[scheduled.name] = latest

    async def _process_tick(self, scheduled: Scheduled, tick: datetime) -> None:
        async with self._database.transaction() as connection:
            sql = Sql(connection)
            if await sql.fetchval(_LIES_AHEAD, tick):
                raise Transient(
                    f"the tick {tick.isoformat()} of {scheduled.name!r} is in the future for the database:"
                    " this host's clock is wrong; synchronize it (NTP). The tick is tried again"
                )
            await sql.execute(_INTRODUCE, scheduled.name, tick)
            if await sql.fetchval(_TAKE, scheduled.name, tick) is None:
                return
            tenants = await self._due_tenants(scheduled, connection)
            key = f"{scheduled.name} {tick.isoformat()}"
            stored = self._registry.encode(scheduled.job, {})
            priority = self._registry[scheduled.job].priority
            await enqueue_for_each(
                connection, tenants, scheduled.job, stored, idempotency_key=key, priority=priority, at=tick
            )
            BEFORE_COMMIT.hit()
        log.info("schedule_ticked", schedule=scheduled.name, tick=tick.isoformat(), jobs=len(tenants))
        self._wakeup_sender.send("jobs")

    async def _due_tenants(self, scheduled: Scheduled, connection: AsyncConnection) -> Sequence[TenantId]:
        tenants = await (scheduled.tenants or self._tenants)(connection)
        if not tenants or not scheduled.skip_if_queued:
            return tenants
        waits = scheduled.job, f"{scheduled.name} ", PAUSES.max_seconds * (1 + PAUSES.jitter)
        waiting = {row["tenant_id"] for row in await Sql(connection).fetch(_WAITING, *waits)}
        return [tenant_id for tenant_id in tenants if tenant_id not in waiting]
