"""The rows that wait in the outbox, for the relay's metrics and for operators."""

from waypost.kernel.partitioner import SHARDS

EXACT = 1_000
"""Number of rows up to which they are counted."""

# Counts the rows in their order on the disk: a count along the index would read each page once for
# each shard. A full outbox is not counted: the server's statistics show how many rows it has, a
# second ago. After a crash of the server they are empty until the next vacuum.
BACKLOG = f"""
with quarantined as materialized (select shard, key from outbox_quarantine),
counted as materialized (
    select count(*) as rows, count(*) filter (where key <> all (array (select quarantined.key from quarantined))) as pending
    from (select key from outbox limit {EXACT}) as first
)
select (select case when rows < {EXACT} then pending else greatest(rows, pg_stat_get_live_tuples('outbox'::regclass)) end
        from counted) as pending,
       (select min(created_at) from generate_series(0, {SHARDS - 1}) as every (shard) cross join lateral (
            select created_at from outbox
            where outbox.shard = every.shard and key <> all (array (select quarantined.key from quarantined))
            order by id
            limit 1
        ) as head) as oldest_at,
       (select count(*) from quarantined) as quarantined_keys,
       clock_timestamp() as now"""
