"""Account secrets, written-off invoices, and the read models."""

from collections.abc import Iterator

from services.users.tables import ACCOUNTS
from waypost.jobs.tenant_directory import TENANTS
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute_statements(
        _secrets(), _write_offs(), projection_tables("accounts", ACCOUNTS), projection_tables("tenants", TENANTS)
    )


def _secrets() -> Iterator[str]:
    yield """
        create table credentials (
            tenant_id      uuid        not null,
            user_id        uuid        not null,
            email          text        not null check (email !~ '[A-Z]'),
            password_hash  text        not null,
            changed_at     timestamptz not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, email)
        )"""
    yield """
        create table verification_tokens (
            tenant_id   uuid        not null,
            user_id     uuid        not null,
            token_hash  bytea       not null,
            expires_at  timestamptz not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, token_hash)
        )"""
    yield """
        create table password_reset_tokens (
            tenant_id   uuid        not null,
            user_id     uuid        not null,
            token_hash  bytea       not null,
            expires_at  timestamptz not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, token_hash)
        )"""
    yield """
        create table refresh_tokens (
            tenant_id   uuid        not null,
            token_hash  bytea       not null,
            session_id  uuid        not null,
            user_id     uuid        not null,
            expires_at  timestamptz not null,
            used_at     timestamptz,
            primary key (tenant_id, token_hash)
        )"""
    yield "create index refresh_tokens_of_session on refresh_tokens (tenant_id, session_id)"
    yield "create index refresh_tokens_of_user on refresh_tokens (tenant_id, user_id)"
    # No grant for the operator's role: operators do not need secrets, hashed or not.
    for table in ("credentials", "verification_tokens", "password_reset_tokens", "refresh_tokens"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to users_app"


def _write_offs() -> Iterator[str]:
    yield """
        create table write_offs (
            tenant_id   uuid  not null,
            invoice_id  uuid  not null,
            primary key (tenant_id, invoice_id)
        )"""
    yield from protect("write_offs")
    yield "grant select, insert on write_offs to users_app"
