"""Deletes expired rows in chunks, so that no statement holds many locks or times out.

Each function returns the number of deleted rows. Concurrent runs are harmless.
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
"""Without row locks: the application's role may not update a stored response."""


async def prune_inbox(database: Database, older_than: timedelta) -> int:
    """Deletes inbox entries older than `older_than`. The order guard and the dead letters keep
    their state longer.

    Keep entries at least as long as the consumers' `duplicate_window`: a repeated event without an
    entry would be handled twice.
    """
    return await in_chunks(database, _PRUNE_INBOX, older_than)


async def prune_stored_responses(database: Database, tenants: Sequence[TenantId], older_than: timedelta) -> int:
    """Deletes idempotency keys of these tenants that are older. A request repeated after that has
    its effect again.
    """
    return await in_chunks(database, _PRUNE_ANSWERS, older_than, tenants)


async def in_chunks(
    database: Database, statement: TextClause, older_than: timedelta, tenants: Sequence[TenantId] = ()
) -> int:
    """Repeats a `delete` with the parameters `:age` and `:chunk` until it deletes less than a
    chunk. Each run is a transaction bound to the tenants.
    """
    total = 0
    while True:
        async with database.transaction(tenants) as connection:
            deleted = (await connection.execute(statement, {"age": older_than, "chunk": CHUNK})).rowcount
        total += deleted
        if deleted < CHUNK:
            return total
