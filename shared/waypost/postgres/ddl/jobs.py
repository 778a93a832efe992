"""Tables of jobs, their results, and the ticks of schedules."""

from collections.abc import Iterator

from waypost.postgres.tenancy import protect


def jobs(service: str) -> Iterator[str]:
    """Statements that create the tables, with the grants of the service's roles."""
    yield from _pending(service)
    yield from _results(service)
    yield from _schedules(service)


def _pending(service: str) -> Iterator[str]:
    # Pending jobs only: a row is deleted when its job completes. Dead jobs stay for an operator.
    yield """
        create table jobs (
            id               uuid        primary key,
            tenant_id        uuid        not null,
            name             text        not null,
            arguments        jsonb       not null,
            idempotency_key  text,
            priority         integer     not null,
            enqueued_at      timestamptz not null,
            run_at           timestamptz not null,
            status           text        not null default 'queued' check (status in ('queued', 'running', 'dead')),
            attempts         integer     not null default 0,
            crashed          boolean     not null default false,
            lease            uuid,
            lease_until      timestamptz,
            worker           text,
            started_at       timestamptz,
            error            text,
            correlation_id   uuid        not null,
            causation_id     uuid        not null,
            traceparent      text,
            tracestate       text,
            actor_id         uuid,
            redrives         integer     not null default 0
        )"""
    yield "comment on table jobs is 'across tenants'"
    yield "alter table jobs set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000)"
    yield "create index jobs_due on jobs (crashed, priority desc, run_at) where status = 'queued'"
    yield "create index jobs_leased on jobs (lease_until) where status = 'running'"
    # No role may change the name, the arguments or the tenant of a job.
    changeable = "status, run_at, attempts, crashed, lease, lease_until, worker, started_at, error"
    yield f"grant select, insert, delete, update ({changeable}) on jobs to {service}_app"
    yield f"grant select, delete, update (status, run_at, attempts, crashed, error, redrives) on jobs to {service}_ops"


def _results(service: str) -> Iterator[str]:
    yield """
        create table job_results (
            tenant_id        uuid        not null,
            job_id           uuid        not null,
            owner_id         uuid,
            name             text        not null,
            idempotency_key  text,
            status           text        not null default 'queued'
                check (status in ('queued', 'complete', 'dead', 'cancelled')),
            progress         smallint    not null default 0 check (progress between 0 and 100),
            result           jsonb,
            error            text,
            attempts         integer     not null default 0,
            enqueued_at      timestamptz not null,
            started_at       timestamptz,
            finished_at      timestamptz,
            primary key (tenant_id, job_id)
        )"""
    # Outlives the pending row: an idempotency key is effective as long as the result is stored.
    yield """
        create unique index job_results_once on job_results (tenant_id, name, idempotency_key)
            where idempotency_key is not null"""
    yield "create index job_results_by_age on job_results (tenant_id, finished_at) where finished_at is not null"
    yield from protect("job_results")
    yield f"grant select, insert, update, delete on job_results to {service}_app"
    yield f"grant select, update (status, error, finished_at) on job_results to {service}_ops"


def _schedules(service: str) -> Iterator[str]:
    yield "create table job_schedules (name text primary key, last_tick timestamptz not null)"
    yield f"grant select, insert, update on job_schedules to {service}_app"
    yield f"grant select on job_schedules to {service}_ops"
