"""Everything the service starts with."""

from collections.abc import Iterator

from alembic import op

from services.notifications.tables import OUTGOING, RECIPIENTS
from waypost.jobs.ddl import jobs
from waypost.jobs.tenant_directory import TENANTS
from waypost.postgres.ddl import infrastructure
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.tenancy import protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statements in (
        infrastructure("notifications"),
        jobs("notifications"),
        _pending(),
        create_projection_schema("notifications", "outgoing", OUTGOING),
        create_projection_schema("notifications", "recipients", RECIPIENTS),
        create_projection_schema("notifications", "tenants", TENANTS),
    ):
        for statement in statements:
            op.execute(statement)


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
    # No grant for the operator's role: it has no business with tokens, sealed or not.
    for table in ("pending_notifications", "sealed_tokens"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to notifications_app"
