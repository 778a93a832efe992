"""Everything the service starts with."""

from collections.abc import Iterator

from alembic import op

from services.users.tables import ACCOUNTS
from waypost.jobs.ddl import jobs
from waypost.jobs.tenant_directory import TENANTS
from waypost.postgres.ddl import infrastructure
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.tenancy import protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    for statements in (
        infrastructure("users"),
        jobs("users"),
        _secrets(),
        create_projection_schema("users", "accounts", ACCOUNTS),
        create_projection_schema("users", "tenants", TENANTS),
    ):
        for statement in statements:
            op.execute(statement)


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
    # No grant for the operator's role: it has no business with secrets, hashed or not.
    for table in ("credentials", "verification_tokens", "refresh_tokens"):
        yield from protect(table)
        yield f"grant select, insert, update, delete on {table} to users_app"
