"""Links that set a new password; and histories in which a person can be forgotten."""

from alembic import op

from waypost.postgres.ddl import forgettable_events
from waypost.postgres.tenancy import protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        create table password_reset_tokens (
            tenant_id   uuid        not null,
            user_id     uuid        not null,
            token_hash  bytea       not null,
            expires_at  timestamptz not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, token_hash)
        )""")
    for statement in (*protect("password_reset_tokens"), *forgettable_events("users")):
        op.execute(statement)
    op.execute("grant select, insert, update, delete on password_reset_tokens to users_app")
