"""Old rows go in chunks, so that no statement holds many locks or runs into its time-out."""

from datetime import timedelta

from sqlalchemy import text

from shared.postgres.database import Database

CHUNK = 5000

_PRUNE_INBOX = text(
    """
    delete from processed_messages
    where ctid = any (array(select ctid from processed_messages where processed_at < now() - :age limit :chunk))
    """
)


async def prune_inbox(database: Database, older_than: timedelta) -> int:
    """Forgets events that were taken in longer ago; gives how many. The order guard and the letters remember longer.

    Keep them at least as long as the consumers' `inbox_remembers`: a younger event that comes again would pass for a second one.
    """
    pruned = 0
    while True:
        async with database.transaction() as connection:
            gone = (await connection.execute(_PRUNE_INBOX, {"age": older_than, "chunk": CHUNK})).rowcount
        pruned += gone
        if gone < CHUNK:
            return pruned
