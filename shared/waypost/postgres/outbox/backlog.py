"""The rows that wait in the outbox, for the relay's metrics and for operators."""

from waypost.kernel.partitioner import SHARDS

# Counts the rows in their order on the disk: a count along the index would read each page
# once for each shard.
BACKLOG = f"""
with quarantined as materialized (select shard, key from outbox_quarantine)
select (select count(*) from (
            select from outbox
            where key <> all (array (select quarantined.key from quarantined))
            limit 160000
        ) as counted) as pending,
       (select min(created_at) from generate_series(0, {SHARDS - 1}) as every (shard) cross join lateral (
            select created_at from outbox
            where outbox.shard = every.shard and key <> all (array (select quarantined.key from quarantined))
            order by id
            limit 1
        ) as head) as oldest_at,
       (select count(*) from quarantined) as quarantined_keys,
       clock_timestamp() as now"""
