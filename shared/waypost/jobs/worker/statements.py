"""The statements that claim due jobs, and that make delayed jobs due."""

from uuid import UUID

from waypost.jobs.claim import COLUMNS

LOWEST_TENANT, HIGHEST_TENANT = UUID(int=0), UUID(int=2**128 - 1)
"""The nil and the max UUID of RFC 9562, which an application may use as tenants."""

TENANTS_AT_ONCE = 10
"""A claim of more jobs takes several of each tenant: a step to another tenant costs as much as some
jobs.
"""

# As in the predicate of the index `jobs_by_turn`. A delayed job becomes due by `PROMOTE_DUE`: the
# index holds no job that must wait, so that a claim reads only rows that it can take.
_DUE = "status = 'queued' and not crashed and not delayed and run_at <= now()"

# `$1` and `$2`: the kinds with free slots, and the number of jobs that may start of each. `$3` to
# `$5`: the kinds and priorities of earlier claims, the latest last, and the tenant whose job was
# claimed last. `$6`: the limit of jobs; `$7`: of crashed ones. `$8` and `$9`: the worker, and the
# seconds of a lease. `$10`: 16 random bytes for each lease, because `gen_random_uuid()` asks the
# kernel again for each row.
#
# A tenant's share is taken from the index in order, so the cost depends on the number of claimed
# jobs, not on the number of queued ones or of tenants. Each job is locked once. `materialized`: a
# limit inside a join may run twice. `any`: with the statistics of an empty queue, the join alone
# may read the whole primary key. The attempt is counted before the handler runs: a job that
# kills its worker has used an attempt.
CLAIM = f"""
-- The kinds with free slots.
with recursive kind (name, capacity) as (
    select * from unnest($1::text[], $2::int[])
),
-- The tenant that a kind served last at a priority. `served_order` grows with each claim.
last_served (name, priority, tenant_id, served_order) as (
    select * from unnest($3::text[], $4::int[], $5::uuid[]) with ordinality
),
-- The priorities of each kind that have due jobs. `priority_number`: 1 is the highest of the kind.
kind_priority as (
    select kind.*, highest.priority, 1 as priority_number from kind cross join lateral (
        select priority from jobs where {_DUE} and jobs.name = kind.name order by priority desc limit 1
    ) as highest
    union all
    select higher.name, capacity, lower.priority, priority_number + 1 from kind_priority as higher cross join lateral (
        select priority from jobs
        where {_DUE} and jobs.name = higher.name and jobs.priority < higher.priority order by priority desc limit 1
    ) as lower where priority_number < capacity
),
-- The first due job of a tenant, locked: tenants behind `served`, whose job was claimed last, then
-- those up to it. `tenant_number` counts the tenants of a kind and priority. The search begins
-- behind `after_run_at` of `tenant_id` and ends at `until`; a row without `id` is its start, or its
-- restart at the lowest tenant. Jobs that another worker is claiming are skipped, so that two
-- workers take different ones.
first_of_tenant as (
    select name, priority, capacity, coalesce(served_order, 0) as served_order, last_served.tenant_id as served,
        null::uuid as id, coalesce(last_served.tenant_id, '{LOWEST_TENANT}') as tenant_id,
        case when last_served.tenant_id is null then '-infinity' else 'infinity' end::timestamptz as after_run_at,
        '{HIGHEST_TENANT}'::uuid as until, last_served.tenant_id is null as has_restarted, 0 as tenant_number
    from kind_priority left join last_served using (name, priority)
    union all
    select previous.name, previous.priority, capacity, served_order, served,
        next.id, coalesce(next.tenant_id, '{LOWEST_TENANT}'),
        case when next.id is null then '-infinity' else 'infinity' end::timestamptz,
        case when next.id is null then served else until end, has_restarted or next.id is null,
        tenant_number + (next.id is not null)::int
    from first_of_tenant as previous left join lateral (
        select id, tenant_id from jobs
        where {_DUE} and jobs.name = previous.name and jobs.priority = previous.priority
            and (jobs.tenant_id, jobs.run_at) > (previous.tenant_id, after_run_at) and jobs.tenant_id <= until
        order by tenant_id, run_at limit 1 for update skip locked
    ) as next on true
    where tenant_number < least(capacity, {TENANTS_AT_ONCE}) and (next.id is not null or not has_restarted)
),
-- The jobs of each tenant, locked; each tenant has an equal share. `number_in_tenant`: 1 is the
-- tenant's first job.
tenant_share as materialized (
    select job.id, name, priority, capacity, false as crashed, job.number_in_tenant, tenant_number, served_order
    from (
        select *, ceil(capacity::float / count(*) over (partition by name, priority))::int as share
        from first_of_tenant where id is not null
    ) as first cross join lateral (
        select first.id, 1::bigint as number_in_tenant
        union all
        select further.id, 1 + row_number() over () from (
            select id from jobs
            where {_DUE} and jobs.name = first.name and jobs.priority = first.priority
                and jobs.tenant_id = first.tenant_id and jobs.id <> first.id
            order by run_at limit share - 1 for update skip locked
        ) as further
    ) as job
),
-- Jobs whose last attempt crashed, locked. One never runs beside another such job; otherwise one
-- poison job would use up the attempts of the others.
after_crash as materialized (
    select id, name, priority, ($2::int[])[array_position($1::text[], name)] as capacity, crashed,
        0::bigint as number_in_tenant, 0 as tenant_number, 0::bigint as served_order
    from jobs where status = 'queued' and crashed and run_at <= now() and name = any($1)
    order by priority desc, run_at limit $7 for update skip locked
),
-- Both of these, with their order among the jobs of their kind: `number_in_kind` must not exceed the
-- kind's capacity.
ranked as (
    select *, row_number() over (
        partition by name order by crashed desc, priority desc, number_in_tenant, tenant_number
    ) as number_in_kind
    from (select * from after_crash union all select * from tenant_share) as locked
),
-- The most urgent first; of equal priority, the first job of each tenant first; then the kind and
-- priority that was served the longest time ago. `number_in_claim` selects the bytes of the lease.
claimed as materialized (
    select id as claimed_id, row_number() over () as number_in_claim from (
        select id from ranked where number_in_kind <= capacity
        order by crashed desc, priority desc, number_in_tenant, tenant_number, served_order limit $6
    ) as in_order
)
update jobs
set status = 'running', attempts = attempts + 1, worker = $8, started_at = clock_timestamp(),
    lease = encode(substr($10::bytea, (16 * number_in_claim - 15)::int, 16), 'hex')::uuid,
    lease_until = now() + make_interval(secs => $9)
from claimed where id = claimed_id and id = any(array(select claimed_id from claimed))
returning number_in_claim, {COLUMNS}"""

# Makes delayed jobs due whose time has come. Kinds that this release does not know become due as
# well: another process may know them. Returns their number, and the seconds until the next one.
PROMOTE_DUE = """
with due as materialized (
    select id as due_id from jobs where status = 'queued' and delayed and run_at <= now()
    order by run_at limit 1000 for update skip locked
), promoted as (
    update jobs set delayed = false where id = any(array(select due_id from due)) returning id
)
select (select count(*) from promoted) as promoted, (
    select extract(epoch from run_at - now())::float from jobs where status = 'queued' and delayed and run_at > now()
    order by run_at limit 1
) as seconds"""
