"""The position in the event store at or below which no event can still appear.

Positions are allocated before their transactions commit, so that a reader by increasing position
would skip a late commit. `waypost.postgres.outbox.floor` has the proof: a writer holds a ROW
EXCLUSIVE lock on the table from before its first position until its rows are visible. When all lock
holders that existed *after* a position was seen have finished, every event up to it is committed or
never will be.
"""

import asyncio
import time

from waypost.kernel.errors import Transient
from waypost.postgres.database import Database
from waypost.postgres.sql import Sql

WRITER_SECONDS = 60.0
"""The server ends a transaction of a service's roles after 15 s."""
POLL_SECONDS = 0.05

# The snapshot, with the newest position, is older than the list of locks.
_STATE = """
select (select coalesce(max(position), 0) from events) as newest,
       array (select virtualtransaction from pg_locks
              where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
                and relation = 'public.events'::regclass and mode = 'RowExclusiveLock') as writers"""


async def stable_position(owner: Database) -> int:
    """The newest position of now, after the transactions that write events now have ended. Raises
    Transient if one runs longer than a minute.
    """
    newest, waiting_for = await _state(owner)
    give_up_at = time.monotonic() + WRITER_SECONDS
    while waiting_for:
        if time.monotonic() > give_up_at:
            raise Transient(
                f"a transaction has been writing events for more than {WRITER_SECONDS:.0f} s, so that the events before"
                " it are not final. Find it in pg_stat_activity or pg_prepared_xacts (the oldest xact_start of this"
                " database), end it, and run the command again"
            )
        await asyncio.sleep(POLL_SECONDS)
        _, writers = await _state(owner)
        waiting_for &= writers
    return newest


async def _state(owner: Database) -> tuple[int, frozenset[str]]:
    async with owner.transaction() as connection:
        row = await Sql(connection).fetchrow(_STATE)
    assert row is not None  # noqa: S101 - a select without a table returns one row
    return row["newest"], frozenset(row["writers"])
