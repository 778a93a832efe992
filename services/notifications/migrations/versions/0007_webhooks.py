"""Outgoing webhooks: endpoints, secrets, changes and deliveries."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements, protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_statements(_endpoints(), _secrets(), _changes(), _deliveries(), _protection())


def _endpoints() -> Iterator[str]:
    yield """
        create table webhook_endpoints (
            tenant_id        uuid        not null,
            endpoint_id      uuid        not null,
            url              text        not null,
            event_types      text[]      not null,
            subscribed_since jsonb       not null,
            enabled          boolean     not null,
            disabled_reason  text,
            disabled_at      timestamptz,
            version          bigint      not null,
            created_at       timestamptz not null,
            failing_since    timestamptz,
            unanswered       integer     not null default 0,
            answers_slowly   boolean     not null default false,
            resume_at        timestamptz,
            lease            uuid,
            leased_until     timestamptz,
            primary key (tenant_id, endpoint_id)
        )"""


def _secrets() -> Iterator[str]:
    yield """
        create table webhook_secrets (
            tenant_id       uuid        not null,
            endpoint_id     uuid        not null,
            secret_id       uuid        not null,
            sealing_key_id  text        not null,
            sealed          bytea       not null,
            created_at      timestamptz not null,
            expires_at      timestamptz,
            primary key (tenant_id, endpoint_id, secret_id)
        )"""


def _changes() -> Iterator[str]:
    yield """
        create table webhook_changes (
            tenant_id    uuid        not null,
            endpoint_id  uuid        not null,
            version      bigint      not null,
            change       text        not null,
            actor_id     uuid,
            changed_at   timestamptz not null,
            primary key (tenant_id, endpoint_id, version)
        )"""
    yield "create index webhook_changes_by_age on webhook_changes (tenant_id, changed_at)"


def _deliveries() -> Iterator[str]:
    yield """
        create table webhook_deliveries (
            tenant_id         uuid        not null,
            delivery_id       uuid        not null,
            endpoint_id       uuid        not null,
            event_type        text        not null,
            object_id         uuid        not null,
            object_version    bigint      not null,
            body              text        not null,
            status            text        not null check (status in ('pending', 'delivered', 'failed')),
            attempts          integer     not null default 0,
            failures          integer     not null default 0,
            last_status_code  integer,
            last_failure      text,
            last_attempt_at   timestamptz,
            next_attempt_at   timestamptz,
            created_at        timestamptz not null,
            settled_at        timestamptz,
            primary key (tenant_id, delivery_id)
        )"""
    yield """
        create index webhook_deliveries_log on webhook_deliveries (tenant_id, endpoint_id, created_at, delivery_id)"""
    yield "create index webhook_deliveries_by_age on webhook_deliveries (tenant_id, created_at)"
    yield """
        create index webhook_deliveries_due on webhook_deliveries (tenant_id, endpoint_id, next_attempt_at, object_version)
            where status = 'pending'"""
    yield """
        create index webhook_deliveries_failed on webhook_deliveries (tenant_id, endpoint_id, created_at, delivery_id)
            where status = 'failed'"""
    yield """
        create index webhook_deliveries_in_order
            on webhook_deliveries (tenant_id, endpoint_id, object_id, object_version)"""
    # The share of pending rows changes within minutes: the defaults wait for a share of the table.
    yield """
        alter table webhook_deliveries set (
            autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
            autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 2000
        )"""


def _protection() -> Iterator[str]:
    # No grant for the operator's role: URLs may contain secrets, and the rest is the tenant's log.
    for table in ("webhook_endpoints", "webhook_secrets", "webhook_deliveries"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to notifications_app"
    yield from protect("webhook_changes")
    yield "grant select, insert, delete on webhook_changes to notifications_app"
