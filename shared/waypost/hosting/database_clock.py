"""The database's time, which all processes of a service share. Statements use `now()`; this clock
is for decisions outside of a statement.
"""

import time
from datetime import datetime, timedelta

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.clock import Clock, SystemClock
from waypost.postgres.database import Database

ASK_EVERY_SECONDS = 60.0
"""Two monotonic clocks differ by a few milliseconds in this time."""


class DatabaseClock(PeriodicLoop):
    """A `waypost.kernel.clock.Clock` and a `waypost.engine.process.Lifecycle`. Asks the database
    once a minute and counts monotonic seconds in between, so that a change of the host's clock has
    no effect. Before the first answer it is the host's clock.
    """

    name = "database clock"

    def __init__(self, database: Database, *, host: Clock | None = None) -> None:
        super().__init__(every_seconds=ASK_EVERY_SECONDS)
        self._database = database
        self._host = host or SystemClock()
        self._answer: datetime | None = None
        self._answered_at = 0.0

    def now(self) -> datetime:
        if self._answer is None:
            return self._host.now()
        return self._answer + timedelta(seconds=time.monotonic() - self._answered_at)

    async def start(self) -> None:
        """Asks for the time before the parts start that use it."""
        await self.last_tick()
        await super().start()

    async def tick(self) -> None:
        async with self._database.statements() as sql:
            answer = await sql.fetchval("select clock_timestamp()")
        self._answer, self._answered_at = answer, time.monotonic()
