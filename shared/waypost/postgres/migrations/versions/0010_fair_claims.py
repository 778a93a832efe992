"""Columns and indexes of jobs: claims that take tenants in turn, outages that use no attempts, and
due times by the database's clock.
"""

from waypost.postgres.migration import execute_statements, service_name

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    service = service_name()
    execute_statements(
        # Attempts that an outage ended. `delayed`: the job was not due when its row was written.
        """
        alter table jobs
            add column outages integer not null default 0,
            add column delayed boolean not null default false,
            alter column enqueued_at set default now(),
            alter column run_at set default now()""",
        "alter table job_results alter column enqueued_at set default now()",
        "update jobs set delayed = true where status = 'queued' and run_at > now()",
        # `jobs_due` stays for the claims of the earlier release, which run while processes are
        # replaced. The next release drops it.
        f"grant update (outages, delayed) on jobs to {service}_app, {service}_ops",
        """
        create index jobs_by_turn on jobs (name, priority desc, tenant_id, run_at)
            where status = 'queued' and not crashed and not delayed""",
        "create index jobs_crashed on jobs (priority desc, run_at) where status = 'queued' and crashed",
        "create index jobs_delayed on jobs (run_at) where status = 'queued' and delayed",
    )
