"""Tax rates of tenants, and the tax of invoices and their lines."""

from collections.abc import Iterator

from waypost.postgres.migration import execute_statements, protect

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    execute_statements(_tax_rates(), _read_models())


def _tax_rates() -> Iterator[str]:
    yield """
        create table tax_rates (
            tenant_id    uuid        not null,
            tax_rate_id  uuid        not null,
            name         text        not null,
            ppm          integer     not null check (ppm between 0 and 1000000),
            inclusive    boolean     not null,
            is_default   boolean     not null,
            created_at   timestamptz not null,
            archived_at  timestamptz,
            changed_by   uuid,
            changed_at   timestamptz,
            primary key (tenant_id, tax_rate_id),
            check (not is_default or archived_at is null)
        )"""
    yield "create unique index tax_rates_default on tax_rates (tenant_id) where is_default"
    yield from protect("tax_rates")
    # The name and the percentage of a rate never change.
    yield """
        grant select, insert, update (is_default, archived_at, changed_by, changed_at), delete
            on tax_rates to billing_app"""
    yield "grant select on tax_rates to billing_ops"


def _read_models() -> Iterator[str]:
    # A new database has the columns from the first version, which reads tables.py.
    yield """
        alter table invoices.invoices
            add column if not exists tax_minor           bigint not null default 0,
            add column if not exists refunded_tax_minor  bigint not null default 0"""
    yield """
        alter table invoices.invoice_lines
            add column if not exists tax_minor      bigint  not null default 0,
            add column if not exists tax_rate_id    uuid,
            add column if not exists tax_name       text    not null default '',
            add column if not exists tax_rate_ppm   bigint  not null default 0,
            add column if not exists tax_inclusive  boolean not null default false"""
