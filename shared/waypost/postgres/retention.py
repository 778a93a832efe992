"""Old rows go in chunks, so that no statement holds many locks or runs into its time-out.

Each gives how many rows went. Two that prune at once do no harm.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import TextClause, text

from waypost.kernel.ids import TenantId
from waypost.postgres.database import Database

CHUNK = 5000

_PRUNE_INBOX = text(
    """
    delete from processed_messages where ctid = any (array(
        select ctid from processed_messages where processed_at < now() - cast(:age as interval) limit :chunk for update skip locked))
    """
)

_PRUNE_ANSWERS = text(
    """
    delete from idempotency_keys where ctid = any (array(
        select ctid from idempotency_keys where created_at < now() - cast(:age as interval) limit :chunk))
    """
)
"""No row locks: the application's role may not change a stored answer."""


async def prune_inbox(database: Database, older_than: timedelta) -> int:
    """Forgets events that were taken in longer ago. The order guard and the letters remember
    longer.

    Keep them at least as long as the consumers' `inbox_remembers`: a younger event that comes again
    would pass for a second one.
    """
    return await in_chunks(database, _PRUNE_INBOX, older_than)


async def prune_answers(database: Database, tenants: Sequence[TenantId], older_than: timedelta) -> int:
    """Forgets idempotency keys of these tenants: who sends one again after that long does the thing
    again.
    """
    return await in_chunks(database, _PRUNE_ANSWERS, older_than, tenants)


async def in_chunks(
    database: Database, statement: TextClause, older_than: timedelta, tenants: Sequence[TenantId] = ()
) -> int:
    """Runs a `delete` that takes `:age` and `:chunk` until it finds less than a chunk, each time in
    a transaction bound to the tenants.
    """
    pruned = 0
    while True:
        async with database.transaction(tenants) as connection:
            gone = (await connection.execute(statement, {"age": older_than, "chunk": CHUNK})).rowcount
        pruned += gone
        if gone < CHUNK:
            return pruned
