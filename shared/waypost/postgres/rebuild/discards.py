"""Events that an operator discards for a live consumer while a rebuild runs."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import EventId

_NOW = text("select now()")
_DISCARDED = text("select event_id from dead_letters where consumer = :live and status = 'discarded'")

# The status list and `content_removed_at` repeat the predicate of the index `dead_letters_settled`,
# so that the swap reads no other dead letters. A transaction of an operator may have begun before
# the rebuild, and have committed after its first read.
_LATELY = text("""
select event_id from dead_letters
where status in ('redriven', 'superseded', 'discarded') and content_removed_at is null
  and updated_at > cast(:since as timestamptz) - interval '1 minute' and status = 'discarded' and consumer = :live""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discards:
    live: str
    """The name of the live consumer."""
    since: datetime
    known: frozenset[EventId]
    """The events that the rebuild leaves out."""

    @classmethod
    async def read(cls, connection: AsyncConnection, live: str) -> "Discards":
        since = (await connection.execute(_NOW)).scalar_one()
        event_ids = await connection.scalars(_DISCARDED, {"live": live})
        return cls(live=live, since=since, known=frozenset(map(EventId, event_ids)))

    async def count_new(self, connection: AsyncConnection) -> int:
        """The number of events that were discarded after `read`."""
        lately = await connection.scalars(_LATELY, {"since": self.since, "live": self.live})
        return len(set(lately) - self.known)
