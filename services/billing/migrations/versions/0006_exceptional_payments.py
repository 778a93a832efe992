"""Stray payments, payment exceptions, failures of refunds, disputes, and customers in arrears."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements, protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_statements(_attempts(), _stray_payments(), _payment_exceptions(), _read_models())


def _attempts() -> Iterator[str]:
    yield "alter table payment_attempts add column failure text, add column actor_id uuid"
    yield "create index payment_attempts_of_provider on payment_attempts (tenant_id, provider_id)"
    yield "grant update (failure) on payment_attempts to billing_app"


def _stray_payments() -> Iterator[str]:
    yield """
        create table stray_payments (
            tenant_id     uuid        not null,
            id            uuid        not null,
            invoice_id    uuid        not null,
            attempt_id    uuid        not null,
            charge_id     text        not null,
            amount_minor  bigint      not null check (amount_minor > 0),
            currency      text        not null,
            status        text        not null check (status in ('held', 'applied', 'refunding', 'refunded', 'refund_failed')),
            refund_id     text,
            failure       text,
            received_at   timestamptz not null,
            settled_at    timestamptz,
            primary key (tenant_id, id),
            unique (tenant_id, charge_id)
        )"""
    yield "create index stray_payments_of_invoice on stray_payments (tenant_id, invoice_id)"
    yield from protect("stray_payments")
    yield "grant select, insert, update (status, refund_id, failure, settled_at) on stray_payments to billing_app"
    yield "grant select on stray_payments to billing_ops"


def _payment_exceptions() -> Iterator[str]:
    yield """
        create table payment_exceptions (
            tenant_id          uuid        not null,
            id                 uuid        not null,
            kind               text        not null,
            provider_id        text        not null,
            invoice_id         uuid,
            attempt_id         uuid,
            expected           text,
            reported           text        not null,
            detail             text        not null,
            found_at           timestamptz not null,
            resolved_at        timestamptz,
            primary key (tenant_id, id)
        )"""
    yield "create index payment_exceptions_open on payment_exceptions (tenant_id, id) where resolved_at is null"
    yield from protect("payment_exceptions")
    yield "grant select, insert, update (resolved_at) on payment_exceptions to billing_app"
    yield "grant select on payment_exceptions to billing_ops"


def _read_models() -> Iterator[str]:
    # A new database has the columns from the first version, which reads tables.py.
    yield "alter table invoices.invoices add column if not exists amount_disputed_minor bigint not null default 0"
    yield "alter table customers.customers add column if not exists written_off_invoices bigint not null default 0"
