"""Payment methods, payment attempts, invoice numbers, and the read models."""

from collections.abc import Iterator

from services.billing.tables import CUSTOMERS, INVOICES, LEDGER, REVENUE
from waypost.jobs.tenant_directory import TENANTS
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute_statements(
        _payment_methods(),
        _payment_attempts(),
        _invoice_numbers(),
        projection_tables("customers", CUSTOMERS),
        projection_tables("invoices", INVOICES),
        projection_tables("ledger", LEDGER),
        projection_tables("revenue", REVENUE),
        projection_tables("tenants", TENANTS),
    )


def _payment_methods() -> Iterator[str]:
    yield """
        create table payment_methods (
            tenant_id          uuid  not null,
            payment_method_id  uuid  not null,
            customer_id        uuid  not null,
            token              text  not null,
            primary key (tenant_id, payment_method_id)
        )"""
    yield "create index payment_methods_of_customer on payment_methods (tenant_id, customer_id)"
    yield from protect("payment_methods")
    # No grant for the operator's role: operators do not need payment tokens.
    yield "grant select, insert, delete on payment_methods to billing_app"


def _payment_attempts() -> Iterator[str]:
    yield """
        create table payment_attempts (
            tenant_id          uuid        not null,
            id                 uuid        not null,
            invoice_id         uuid        not null,
            kind               text        not null check (kind in ('charge', 'refund')),
            attempt            integer     not null check (attempt > 0),
            idempotency_key    text        not null,
            requested_by         text        not null,
            payment_method_id  uuid,
            charge_id          text,
            amount_minor       bigint      not null check (amount_minor > 0),
            currency           text        not null,
            status             text        not null check (status in ('pending', 'succeeded', 'declined', 'abandoned')),
            provider_id        text,
            reason             text,
            created_at         timestamptz not null,
            settled_at         timestamptz,
            primary key (tenant_id, id),
            unique (tenant_id, idempotency_key),
            unique (tenant_id, requested_by),
            check ((status = 'pending') = (settled_at is null)),
            check ((kind = 'refund') = (charge_id is not null))
        )"""
    yield """
        create unique index payment_attempts_of_invoice on payment_attempts (tenant_id, invoice_id, kind, attempt)"""
    # The sweep reads it. It also guarantees one pending attempt per invoice, independent of the
    # code.
    yield """
        create unique index payment_attempts_pending on payment_attempts (tenant_id, invoice_id) where status = 'pending'"""
    yield from protect("payment_attempts")
    # The request of an attempt never changes, and attempts are never deleted.
    yield "grant select, insert, update (status, provider_id, reason, settled_at) on payment_attempts to billing_app"
    yield "grant select on payment_attempts to billing_ops"


def _invoice_numbers() -> Iterator[str]:
    yield "create table invoice_numbers (tenant_id uuid primary key, last_number bigint not null check (last_number > 0))"
    yield from protect("invoice_numbers")
    yield "grant select, insert, update (last_number) on invoice_numbers to billing_app"
