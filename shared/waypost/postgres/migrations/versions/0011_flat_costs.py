"""Indexes and functions for statements whose cost must not grow with the rows that stay."""

from waypost.postgres.migration import execute_statements, service_name

revision = "0011"
down_revision = "0010"

# Rows expire without regard to their tenant. With 500 tenants bound at a time, each statement would
# read the expired rows of all other tenants, or all rows of the bound ones.
_DELETE_KEYS = """
create function delete_expired_keys(age interval, at_most integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    with gone as (
        delete from public.idempotency_keys where ctid = any (array(
            select ctid from public.idempotency_keys where created_at < now() - age limit at_most))
        returning 1
    )
    select count(*) from gone
$$"""

# The result of a dead job stays as long as the job, which an operator may retry.
_DELETE_RESULTS = """
create function delete_expired_results(finished_as text, age interval, at_most integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    with gone as (
        delete from public.job_results where ctid = any (array(
            select ctid from public.job_results as result
            where status = finished_as and finished_at < now() - age
              and (finished_as <> 'dead' or not exists (select from public.jobs where jobs.id = result.job_id))
            limit at_most))
        returning 1
    )
    select count(*) from gone
$$"""


def upgrade() -> None:
    service = service_name()
    execute_statements(
        # Reads of the event store continue after the last position that they read.
        "create index events_by_position on events (position)",
        # A rebuild reads the decisions of operators while it locks out the live consumer.
        "create index dead_letters_decided on dead_letters (consumer) where status in ('discarded', 'adopted')",
        # A job has no time of its death: its last attempt is the nearest.
        "create index jobs_dead on jobs ((coalesce(started_at, run_at))) where status = 'dead'",
        "drop index job_results_by_age",
        "create index job_results_by_age on job_results (status, finished_at) where finished_at is not null",
    )
    for table in ("idempotency_keys", "job_results"):
        # The functions run as the owner, for whom row-level security is forced as well.
        execute_statements(
            f"create policy reads_expired on {table} for select to {service}_owner using (true)",
            f"create policy deletes_expired on {table} for delete to {service}_owner using (true)",
        )
    execute_statements(_DELETE_KEYS, _DELETE_RESULTS)
    for signature in ("delete_expired_keys(interval, integer)", "delete_expired_results(text, interval, integer)"):
        execute_statements(
            f"revoke execute on function {signature} from public",
            f"grant execute on function {signature} to {service}_app",
        )
