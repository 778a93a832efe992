"""The outbox id above which the relay reads, so that each read does not scan deleted rows that
vacuum cannot remove yet.

A reader with an old snapshot (a dump, a standby) keeps every dead row: with 300,000 of them a read
from the head took a second. A floor is risky, because ids are allocated before their transactions
commit: with a floor at the highest seen id, or at the ids of finished transactions, a late commit
is lost or overtaken. This floor rises only over ids that can no longer appear:

* A writer holds a ROW EXCLUSIVE lock on the table from before its first id until its rows are
  visible. When all lock holders that existed *after* an id was seen have finished, every id up to
  it is committed or never will be.
* It stays below the lowest existing row, for any reason that the row is not deleted yet.
"""

import time
from collections.abc import Collection, Sequence

import asyncpg

from waypost.ports.outbox import PendingRow

_WRITERS = """
select array (select virtualtransaction from pg_locks
              where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
                and relation = 'outbox'::regclass and mode = 'RowExclusiveLock') as writers,
       exists (select from outbox_quarantine where shard = any ($1::smallint[])) as quarantined"""


class Floor:
    """The floor of one session and the shards that it reads. No row of these shards is, or will
    appear, at or below `id`.
    """

    def __init__(self, connection: asyncpg.Connection, *, every_seconds: float) -> None:
        self.id = 0
        self._connection = connection
        self._every_seconds = every_seconds
        self._due = 0.0
        self._shards: frozenset[int] = frozenset()
        self._no_quarantine = False
        self._highest_seen = 0
        self._settled_up_to = 0
        self._waiting_for: frozenset[str] = frozenset()
        self._then_settled_up_to = 0

    async def update(self, shards: Collection[int]) -> int:
        """Updates the floor for a read of these shards, and returns it. Resets it if there is a new
        shard, whose rows may have any id.
        """
        if not self._shards.issuperset(shards):
            self.id, self._no_quarantine, self._due = 0, False, 0.0
        self._shards = frozenset(shards)
        if time.monotonic() >= self._due:
            await self._query_writers()
            self._due = time.monotonic() + self._every_seconds
        return self.id

    def rise(self, pending: Sequence[PendingRow], in_flight: Collection[int], held_topics: Collection[str]) -> None:
        """Raises the floor after a read. The read skipped rows of quarantined keys and held topics;
        while there are any, the floor does not move.
        """
        ids = [row.id for row in pending]
        self._highest_seen = max(self._highest_seen, *ids, 0)
        if self._no_quarantine and not held_topics:
            lowest = min((*ids, *in_flight), default=self._settled_up_to + 1)
            self.id = max(self.id, min(self._settled_up_to, lowest - 1))

    async def _query_writers(self) -> None:
        """Queries the current writers. The ids seen so far were allocated before this query; only
        the writers in its result may still commit lower ids.
        """
        seen = self._highest_seen
        row = await self._connection.fetchrow(_WRITERS, list(self._shards))
        assert row is not None  # noqa: S101 - a select without a table returns one row
        writers = frozenset(row["writers"])
        self._no_quarantine = not row["quarantined"]
        if not self._waiting_for & writers:
            self._settled_up_to = self._then_settled_up_to
            self._waiting_for, self._then_settled_up_to = writers, seen
