"""Preferences per category, suppressed addresses, and the lines of invoices."""

from collections.abc import Iterator

from services.notifications.tables import INVOICE_LINES
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_statements(_categories(), _suppressed_addresses(), projection_tables("invoice_lines", INVOICE_LINES))


def _categories() -> Iterator[str]:
    yield """
        alter table preferences
            add column receipts       boolean not null default true,
            add column subscriptions  boolean not null default true"""


def _suppressed_addresses() -> Iterator[str]:
    yield """
        create table suppressed_addresses (
            tenant_id       uuid        not null,
            suppression_id  uuid        not null,
            recipient_id    uuid        not null,
            address         text        not null,
            reason          text        not null,
            code            integer     not null,
            suppressed_at   timestamptz not null,
            primary key (tenant_id, suppression_id),
            unique (tenant_id, address)
        )"""
    yield "create index suppressed_addresses_of_recipient on suppressed_addresses (tenant_id, recipient_id)"
    # No grant for the operator's role: addresses are personal. Operators lift a suppression by a
    # job.
    yield from protect("suppressed_addresses")
    yield "grant select, insert, update, delete on suppressed_addresses to notifications_app"
