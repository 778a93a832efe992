"""The daily digest: who wants it, what was read, and how invoices stand."""

from collections.abc import Iterator

from alembic import op

from services.notifications.tables import INVOICES
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.tenancy import protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for statements in (_kept(), create_projection_schema("notifications", "invoices", INVOICES)):
        for statement in statements:
            op.execute(statement)


def _kept() -> Iterator[str]:
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
    # No grant for the operator's role: who reads what and when is no business of theirs, and a secret is none of anybody's.
    for table in ("read_marks", "preferences"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to notifications_app"
