"""The statements that claim due jobs and find out when the next one is due."""

from uuid import UUID

from waypost.jobs.claim import COLUMNS

BEFORE_ALL = UUID(int=0)
"""Before all tenants: where a lane begins that has served none."""

TENANTS_AT_ONCE = 10
"""A claim of more jobs takes several of each tenant: a step to another tenant costs as much as some
jobs.
"""

# As in the predicate of the index `jobs_by_turn`. A delayed job becomes due by `LOOK_AHEAD`: the
# index holds no job that must wait, so that a claim reads only rows that it can take.
_DUE = "status = 'queued' and not crashed and not delayed and run_at <= now()"

# `$1` and `$2`: the kinds with free slots, and the number of jobs that may start of each. `$3` to
# `$5`: the lanes of earlier claims, the latest last, and the tenant whose job was claimed last. A
# tenant's share is taken from the index in order, so the cost depends on the number of claimed
# jobs, not on the number of queued ones or of tenants.
#
# lane   a priority of a kind
# served  the tenant that a lane served last, and the lane's place in the order of the claims
# turn   a tenant of the lane that has a due job: those behind the last one first, then the others.
#        Jobs that another worker is claiming are skipped, so that two workers take different ones
# sound  the jobs of each tenant, its first one with `round` 1; each has an equal share
# suspect  jobs whose last attempt crashed. One never runs beside another such job; otherwise one
#        poison job would use up the attempts of the others
# due    the most urgent first; of equal priority, the first job of each tenant first; then the lane
#        that was served the longest time ago
#
# The attempt is counted before the handler runs: a job that kills its worker has used an attempt.
# `materialized`: a limit inside a join may run twice.
CLAIM = f"""
with recursive kind (name, capacity) as (
    select * from unnest($1::text[], $2::int[])
), served (name, priority, tenant_id, turn_of_lane) as (
    select * from unnest($3::text[], $4::int[], $5::uuid[]) with ordinality
), lane as (
    select kind.*, top.priority, 1 as number from kind cross join lateral (
        select priority from jobs where {_DUE} and jobs.name = kind.name order by priority desc limit 1
    ) as top
    union all
    select lane.name, capacity, below.priority, number + 1 from lane cross join lateral (
        select priority from jobs
        where {_DUE} and jobs.name = lane.name and jobs.priority < lane.priority order by priority desc limit 1
    ) as below where number < capacity
), turn as (
    select name, priority, capacity, coalesce(turn_of_lane, 0) as turn_of_lane, last.tenant_id as served, last.tenant_id,
        false as wrapped, 0 as number
    from lane left join served using (name, priority)
        cross join lateral (select coalesce(served.tenant_id, '{BEFORE_ALL}') as tenant_id) as last
    union all
    select turn.name, turn.priority, capacity, turn_of_lane, served, next.tenant_id, next.wrapped, number + 1
    from turn cross join lateral (
        select * from (
            select tenant_id, turn.wrapped from jobs
            where {_DUE} and jobs.name = turn.name and jobs.priority = turn.priority and jobs.tenant_id > turn.tenant_id
            order by tenant_id limit 1 for update skip locked
        ) as behind where not turn.wrapped or behind.tenant_id <= served
        union all
        select * from (
            select tenant_id, true from jobs
            where {_DUE} and jobs.name = turn.name and jobs.priority = turn.priority and jobs.tenant_id <= served
                and not turn.wrapped
            order by tenant_id limit 1 for update skip locked
        ) as again
        limit 1
    ) as next where number < least(capacity, {TENANTS_AT_ONCE})
), sound as materialized (
    select mine.id, entitled.name, false as crashed, entitled.priority, mine.round, entitled.number, entitled.turn_of_lane
    from (
        select *, ceil(capacity::float / count(*) over (partition by name, priority))::int as share from turn where number > 0
    ) as entitled cross join lateral (
        select id, row_number() over () as round from (
            select id from jobs
            where {_DUE} and jobs.name = entitled.name and jobs.priority = entitled.priority
                and jobs.tenant_id = entitled.tenant_id
            order by run_at limit share for update skip locked
        ) as held
    ) as mine
), suspect as materialized (
    select id, name, crashed, priority, 0::bigint as round, 0 as number, 0::bigint as turn_of_lane from jobs
    where status = 'queued' and crashed and run_at <= now() and name = any($1)
    order by priority desc, run_at limit $7 for update skip locked
), candidate as (
    select *, row_number() over (partition by name order by crashed desc, priority desc, round, number) as number_of_kind
    from (select * from suspect union all select * from sound) as both_sorts
), due as materialized (
    select candidate.id as due_id, row_number() over (order by crashed desc, priority desc, round, number, turn_of_lane) as place
    from candidate join kind using (name) where number_of_kind <= capacity
    order by place limit $6
)
update jobs
set status = 'running', attempts = attempts + 1, lease = gen_random_uuid(), lease_until = now() + make_interval(secs => $9),
    worker = $8, started_at = clock_timestamp()
from due where id = due_id
returning place, {COLUMNS}"""

# Kinds that this release does not know become due as well: another process may know them.
LOOK_AHEAD = """
with due as materialized (
    select id as due_id from jobs where status = 'queued' and delayed and run_at <= now()
    order by run_at limit 1000 for update skip locked
), ready as (
    update jobs set delayed = false from due where id = due_id returning id
)
select (select count(*) from ready) as ready, (
    select extract(epoch from run_at - now())::float from jobs where status = 'queued' and delayed and run_at > now()
    order by run_at limit 1
) as seconds"""
