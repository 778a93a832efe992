"""Reports about mails that were sent."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements, protect

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_statements(_bounces())


def _bounces() -> Iterator[str]:
    yield """
        create table bounces (
            tenant_id        uuid        not null,
            notification_id  uuid        not null,
            kind             text        not null,
            recipient_id     uuid        not null,
            address          text,
            reported_at      timestamptz not null,
            primary key (tenant_id, notification_id, kind)
        )"""
    yield "create index bounces_of_address on bounces (tenant_id, address)"
    yield "create index bounces_of_recipient on bounces (tenant_id, recipient_id)"
    yield "create index bounces_by_time on bounces (tenant_id, reported_at)"
    # No grant for the operator's role: addresses are personal.
    yield from protect("bounces")
    yield "grant select, insert, update, delete on bounces to notifications_app"
