"""The rows that wait in the outbox, for the relay's metrics and for operators."""

from waypost.kernel.partitioner import SHARDS

BACKLOG = f"""
select coalesce(sum(pending), 0)::bigint as pending, min(oldest_at) as oldest_at,
       (select count(*) from outbox_quarantine) as quarantined_keys, clock_timestamp() as now
from generate_series(0, {SHARDS - 1}) as every (shard)
cross join lateral (
    select count(*) as pending, min(created_at) as oldest_at
    from (
        select created_at from outbox
        where outbox.shard = every.shard and key <> all (array (select quarantined.key from outbox_quarantine as quarantined))
        order by id
        limit 10000
    ) as counted
) as waiting"""
