"""Pending notifications, sealed tokens, preferences, and the read models."""

from collections.abc import Iterator

from services.notifications.tables import INVOICES, OUTGOING, RECIPIENTS
from waypost.jobs.tenant_directory import TENANTS
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute_statements(
        _pending(),
        _preferences(),
        projection_tables("outgoing", OUTGOING),
        projection_tables("recipients", RECIPIENTS),
        projection_tables("invoices", INVOICES),
        projection_tables("tenants", TENANTS),
    )


def _pending() -> Iterator[str]:
    yield """
        create table pending_notifications (
            tenant_id        uuid  not null,
            notification_id  uuid  not null,
            facts            jsonb not null,
            primary key (tenant_id, notification_id)
        )"""
    yield """
        create table sealed_tokens (
            tenant_id        uuid        not null,
            recipient_id     uuid        not null,
            kind             text        not null,
            notification_id  uuid        not null,
            address          text        not null,
            sealing_key_id   text        not null,
            sealed           bytea       not null,
            expires_at       timestamptz not null,
            primary key (tenant_id, recipient_id, kind),
            unique (tenant_id, notification_id)
        )"""
    # No grant for the operator's role: operators do not need tokens, sealed or not.
    for table in ("pending_notifications", "sealed_tokens"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to notifications_app"


def _preferences() -> Iterator[str]:
    yield """
        create table read_marks (
            tenant_id        uuid        not null,
            notification_id  uuid        not null,
            recipient_id     uuid        not null,
            read_at          timestamptz not null,
            primary key (tenant_id, notification_id)
        )"""
    yield "create index read_marks_of_recipient on read_marks (tenant_id, recipient_id)"
    yield """
        create table preferences (
            tenant_id           uuid    not null,
            user_id             uuid    not null,
            digest              boolean not null,
            unsubscribe_secret  bytea   not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, unsubscribe_secret)
        )"""
    # No grant for the operator's role: reading habits are personal, and the secret authorizes the
    # unsubscribe link.
    for table in ("read_marks", "preferences"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to notifications_app"
