"""Deletes expired rows in chunks, so that no statement holds many locks or times out.

Each function returns the number of rows that it deleted or emptied. Concurrent runs are harmless.
"""

from datetime import timedelta

from sqlalchemy import TextClause, text

from waypost.postgres.database import Database

CHUNK = 5000

_PRUNE_INBOX = text(
    """
    delete from processed_messages where ctid = any (array(
        select ctid from processed_messages where processed_at < now() - cast(:age as interval) limit :chunk for update skip locked))
    """
)

# Functions of the owner, because expired rows belong to any tenant.
_PRUNE_RESPONSES = text("select delete_expired_keys(:age, :chunk)")
_PRUNE_RESULTS = text("select delete_expired_results(:finished_as, :age, :chunk)")

_PRUNE_DEAD_JOBS = text(
    """
    delete from jobs where ctid = any (array(
        select ctid from jobs where status = 'dead' and coalesce(started_at, run_at) < now() - cast(:age as interval)
        limit :chunk for update skip locked))
    """
)

_SETTLED = """
select id from dead_letters as settled
where status in ('redriven', 'superseded', 'discarded', 'adopted') and content_removed_at is null
  and updated_at < now() - cast(:age as interval) and (status in ('discarded', 'adopted')) = :kept
  and not exists (
    select from parked_keys as parked
    where parked.consumer = settled.consumer and parked.topic = settled.topic and parked.key_digest = settled.key_digest)
limit :chunk for update skip locked"""
"""The status list and `content_removed_at` repeat the predicate of the index
`dead_letters_settled`.
"""

_PRUNE_HANDLED = text(f"delete from dead_letters where id = any (array({_SETTLED}))").bindparams(kept=False)

_REMOVE_CONTENT = text(
    f"""
    update dead_letters set
        payload = null, headers = '{{"key": null, "timestamp_ms": 0, "headers": []}}', traceback = null,
        error = case when error is not null then 'removed' end, content_removed_at = now()
    where id = any (array({_SETTLED}))
    """
).bindparams(kept=True)


async def prune_inbox(database: Database, older_than: timedelta) -> int:
    """Deletes inbox entries older than `older_than`. The order guard and the dead letters keep
    their state longer.

    Keep entries at least as long as the consumers' `duplicate_window`: a repeated event without an
    entry would be handled twice.
    """
    return await in_chunks(database, _PRUNE_INBOX, older_than)


async def prune_stored_responses(database: Database, older_than: timedelta) -> int:
    """Deletes idempotency keys that are older. A request repeated after that has its effect
    again.
    """
    return await in_chunks(database, _PRUNE_RESPONSES, older_than)


async def prune_results(database: Database, older_than: timedelta) -> int:
    """Deletes results of completed and cancelled jobs that finished more than `older_than` ago,
    with their idempotency keys.
    """
    completed = await in_chunks(database, _PRUNE_RESULTS.bindparams(finished_as="complete"), older_than)
    return completed + await in_chunks(database, _PRUNE_RESULTS.bindparams(finished_as="cancelled"), older_than)


async def prune_dead_jobs(database: Database, older_than: timedelta) -> int:
    """Deletes dead jobs whose last attempt began more than `older_than` ago, then their results."""
    jobs = await in_chunks(database, _PRUNE_DEAD_JOBS, older_than)
    return jobs + await in_chunks(database, _PRUNE_RESULTS.bindparams(finished_as="dead"), older_than)


async def prune_dead_letters(database: Database, older_than: timedelta) -> int:
    """Deletes dead letters whose event was handled that long ago, by a redrive or a rebuild.

    Removes the record and the error's text of discarded and adopted ones; the row stays, because it
    decides what a rebuild skips for as long as the topic contains the event. A parked key keeps all
    its dead letters. Keep them at least as long as the inbox entries.
    """
    handled = await in_chunks(database, _PRUNE_HANDLED, older_than)
    return handled + await in_chunks(database, _REMOVE_CONTENT, older_than)


async def in_chunks(database: Database, statement: TextClause, older_than: timedelta) -> int:
    """Repeats a statement with the parameters `:age` and `:chunk` until it changes fewer rows than
    a chunk. Each run is a transaction.
    """
    total = 0
    while True:
        async with database.transaction() as connection:
            result = await connection.execute(statement, {"age": older_than, "chunk": CHUNK})
            changed: int = result.scalar_one() if result.returns_rows else result.rowcount
        total += changed
        if changed < CHUNK:
            return total
