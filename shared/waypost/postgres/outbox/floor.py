"""The outbox ids above which the relay reads its shards, so that a read scans neither deleted rows
that vacuum cannot remove yet nor rows in flight.

A reader with an old snapshot (a dump, a standby) keeps every dead row: with 300,000 of them a read
from the head took a second. A floor is risky, because ids are allocated before their transactions
commit: with a floor at the highest seen id, or at the ids of finished transactions, a late commit
is lost or overtaken. The floor of a shard rises only over ids for which both are true:

* The id is stable: no row can still appear at or below it. A writer holds a ROW EXCLUSIVE lock on
  the table from before its first id until its rows are visible. When all lock holders that existed
  *after* an id was seen have finished, every id up to it is committed or never will be.
* No row at or below it has to be read again: each is in flight or deleted. Rows that leave the rows
  in flight otherwise lower the floor of their shard.
"""

import time
from collections.abc import Collection, Iterable, Sequence

import asyncpg

from waypost.ports.outbox import PendingRow

# An id that the snapshot shows was allocated before the locks are listed, also in one statement.
_WRITERS = """
select array (select virtualtransaction from pg_locks
              where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
                and relation = 'outbox'::regclass and mode = 'RowExclusiveLock') as writers,
       exists (select from outbox_quarantine where shard = any ($1::smallint[])) as quarantined,
       (select max(id) from unnest($1::smallint[]) as owned (shard) cross join lateral (
            select id from outbox where outbox.shard = owned.shard and id > $2 order by id desc limit 1
        ) as newest) as highest"""


class Floor:
    """The floors of the shards that one session reads. The floor of a new shard is 0: its rows may
    have any id.
    """

    def __init__(self, connection: asyncpg.Connection, *, every_seconds: float) -> None:
        self._connection = connection
        self._every_seconds = every_seconds
        self._due = 0.0
        self._floors: dict[int, int] = {}
        self._page: Sequence[PendingRow] | None = None
        """Rows of the last read; None before the first read, if it skipped rows of quarantined
        keys, and if rows that it could not see are to be read again.
        """
        self._held_shards: Collection[int] = ()
        """Shards in which the last read skipped held rows."""
        self._is_complete = False
        """Whether the running read sees every row that is neither in flight nor deleted."""
        self._deleted: set[int] = set()
        """Rows that were deleted since the last read."""
        self._no_quarantine = False
        self._highest_seen = 0
        self._stable_up_to = 0
        self._waiting_for: frozenset[str] = frozenset()
        self._then_stable_up_to = 0

    async def update(self, shards: Collection[int], in_flight: Collection[int]) -> list[int]:
        """Updates the floors for the next read of these shards, and returns them."""
        self._rise(in_flight)
        self._is_complete = True
        if not self._floors.keys() >= set(shards):
            self._due = 0.0
        if time.monotonic() >= self._due:
            await self._query_writers(shards)
            self._due = time.monotonic() + self._every_seconds
        self._floors = {shard: self._floors.get(shard, 0) for shard in shards}
        return list(self._floors.values())

    def record_read(self, page: Sequence[PendingRow], held_shards: Collection[int]) -> None:
        """Records the rows that a read returned. It raises no floor of the shards in which it
        skipped held rows, and none at all if it skipped rows of quarantined keys.
        """
        self._page = page if self._is_complete and self._no_quarantine else None
        self._held_shards = held_shards
        self._highest_seen = max([self._highest_seen, *(row.id for row in page)])

    def record_deletion(self, rows: Iterable[PendingRow]) -> None:
        """Records that rows were deleted. Called before they leave the rows in flight."""
        self._deleted.update([row.id for row in rows])

    def lower(self, rows: Iterable[PendingRow]) -> None:
        """Lowers the floors below rows that are to be read again. The last read and a running one
        may have been unable to see them, so neither raises a floor.
        """
        for row in rows:
            if row.id <= self._floors.get(row.shard, 0):
                self._floors[row.shard] = row.id - 1
        self._page, self._is_complete = None, False

    def record_quarantine(self) -> None:
        """Raises no floor until a query has found no quarantined key: an operator may release the
        key at any time, and its rows are read again.
        """
        self._page, self._no_quarantine = None, False

    def _rise(self, in_flight: Collection[int]) -> None:
        """Raises the floors over rows that the last read could see and that are in flight or
        deleted. Ids that became stable after that read do not count: it did not see their rows.
        """
        page, self._page = self._page, None
        deleted, self._deleted = self._deleted, set()
        if page is None:
            return
        taken_up_to = dict.fromkeys(self._floors, self._stable_up_to) | {row.shard: row.id for row in page}
        put_aside = {row.id for row in page}.difference(in_flight, deleted)
        for row in page if put_aside else ():
            if row.id in put_aside:
                taken_up_to[row.shard] = min(taken_up_to[row.shard], row.id - 1)
        for shard, taken in taken_up_to.items():
            if shard in self._held_shards:
                continue
            self._floors[shard] = max(self._floors[shard], min(taken, self._stable_up_to))

    async def _query_writers(self, shards: Collection[int]) -> None:
        """Queries the current writers. The ids seen so far were allocated before this query; only
        the writers in its result may still commit lower ids.
        """
        row = await self._connection.fetchrow(_WRITERS, list(shards), self._stable_up_to)
        assert row is not None  # noqa: S101 - a select without a table returns one row
        writers = frozenset(row["writers"])
        self._no_quarantine = not row["quarantined"]
        if not self._waiting_for & writers:
            self._stable_up_to = self._then_stable_up_to
            self._waiting_for, self._then_stable_up_to = writers, max(self._highest_seen, row["highest"] or 0)
