"""Invitations to a tenant, and requests to join one."""

from collections.abc import Iterator

from services.users.tables import INVITATIONS
from waypost.postgres.migration import execute_statements, projection_tables, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_statements(_open_invitations(), projection_tables("invitations", INVITATIONS))


def _open_invitations() -> Iterator[str]:
    yield """
        create table open_invitations (
            tenant_id      uuid        not null,
            invitation_id  uuid        not null,
            email          text        not null,
            token_hash     bytea,
            expires_at     timestamptz not null,
            primary key (tenant_id, invitation_id),
            unique (tenant_id, email),
            unique (tenant_id, token_hash)
        )"""
    # No grant for the operator's role: operators do not need secrets, hashed or not.
    yield from protect("open_invitations")
    yield "grant select, insert, update, delete on open_invitations to users_app"
