"""The database's time, which all processes of a service share. Statements use `now()`; this clock
is for decisions outside of a statement.
"""

from datetime import datetime, timedelta

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.clock import Clock, SystemClock, seconds_since_boot
from waypost.kernel.errors import Transient
from waypost.postgres.database import Database

ASK_EVERY_SECONDS = 60.0
"""The clocks of two hosts drift apart by a few milliseconds in this time."""

LATE_SECONDS = 1.0
"""An answer that takes longer is not used: the process may have been frozen meanwhile."""


class DatabaseClock(PeriodicLoop):
    """A `waypost.kernel.clock.Clock` and a `waypost.engine.process.Lifecycle`. Asks the database
    once a minute and counts seconds in between, those of a suspension too, so that a change of the
    host's clock has no effect. Before the first answer it is the host's clock.

    Counted from the question, so that it is never behind the database: work that is too late is
    never taken for work in time. A virtual machine that its host pauses may not count the pause;
    then it is behind until the next answer.
    """

    name = "database clock"

    def __init__(self, database: Database, *, host: Clock | None = None) -> None:
        super().__init__(every_seconds=ASK_EVERY_SECONDS)
        self._database = database
        self._host = host or SystemClock()
        self._answer: datetime | None = None
        self._asked_at = 0.0

    def now(self) -> datetime:
        if self._answer is None:
            return self._host.now()
        return self._answer + timedelta(seconds=seconds_since_boot() - self._asked_at)

    async def start(self) -> None:
        """Asks for the time before the parts start that use it."""
        await self.last_tick()
        await super().start()

    async def tick(self) -> None:
        async with self._database.statements() as sql:
            asked_at = seconds_since_boot()
            answer = await sql.fetchval("select clock_timestamp()")
        if seconds_since_boot() - asked_at > LATE_SECONDS:
            raise Transient("the database's time arrived late: it is asked again")
        self._answer, self._asked_at = answer, asked_at
