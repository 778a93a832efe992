"""From where on heads are read, so that deleted rows that cannot be vacuumed yet are not walked
over again and again.

One reader that keeps its snapshot (a dump, a standby) holds every dead row in place: after 300,000
of them a read from the very head took a second. A floor is dangerous, since ids are allotted before
their transactions commit: above the highest id seen, or above those of finished transaction ids, a
late commit is lost or overtaken. This one rises only over ids that can no longer appear:

* Whoever inserts holds a ROW EXCLUSIVE lock on the table from before its first id until its rows
  can be seen. So once all the holders that were there *after* an id was seen are gone, every id up
  to that one has been committed or never will be.
* It stays below the lowest row that is there, whatever the reason for which it was not deleted yet.
"""

import time
from collections.abc import Collection, Sequence

import asyncpg

from waypost.ports.outbox import PendingRow

_WRITERS = """
select array (select virtualtransaction from pg_locks
              where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
                and relation = 'outbox'::regclass and mode = 'RowExclusiveLock') as writers,
       exists (select from outbox_quarantine where shard = any ($1::smallint[])) as marked"""


class Floor:
    """Of one session and the shards that it reads. No row of theirs is, or will be, at or below
    `id`.
    """

    def __init__(self, connection: asyncpg.Connection, *, every_seconds: float) -> None:
        self.id = 0
        self._connection = connection
        self._every_seconds = every_seconds
        self._due = 0.0
        self._shards: frozenset[int] = frozenset()
        self._unmarked = False
        self._highest_seen = 0
        self._settled_up_to = 0
        self._waiting_for: frozenset[str] = frozenset()
        self._then_settled_up_to = 0

    async def stand_on(self, shards: Collection[int]) -> int:
        """Before a read. A shard that was not read before may have rows anywhere: the floor begins
        anew.
        """
        if not self._shards.issuperset(shards):
            self.id, self._unmarked, self._due = 0, False, 0.0
        self._shards = frozenset(shards)
        if time.monotonic() >= self._due:
            await self._ask_for_writers()
            self._due = time.monotonic() + self._every_seconds
        return self.id

    def rise(self, heads: Sequence[PendingRow], in_flight: Collection[int], held_topics: Collection[str]) -> None:
        """After a read. Rows of marked keys and held topics were passed over: while there are any,
        the floor stays where it is.
        """
        ids = [row.id for row in heads]
        self._highest_seen = max(self._highest_seen, *ids, 0)
        if self._unmarked and not held_topics:
            lowest = min((*ids, *in_flight), default=self._settled_up_to + 1)
            self.id = max(self.id, min(self._settled_up_to, lowest - 1))

    async def _ask_for_writers(self) -> None:
        """Rows seen up to now were allotted before this question; those who hold the lock in its
        answer may still commit lower ids.
        """
        seen = self._highest_seen
        row = await self._connection.fetchrow(_WRITERS, list(self._shards))
        assert row is not None  # noqa: S101 - a select without a table always gives one row
        writers = frozenset(row["writers"])
        self._unmarked = not row["marked"]
        if not self._waiting_for & writers:
            self._settled_up_to = self._then_settled_up_to
            self._waiting_for, self._then_settled_up_to = writers, seen
