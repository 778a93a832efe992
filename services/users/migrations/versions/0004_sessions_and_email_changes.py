"""Sessions as their users see them, and changes of an address until they are final."""

from waypost.postgres.migration import execute_statements, protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_statements(
        """
        create table sessions (
            tenant_id     uuid        not null,
            session_id    uuid        not null,
            user_id       uuid        not null,
            user_agent    text        not null,
            opened_at     timestamptz not null,
            used_at       timestamptz not null,
            confirmed_at  timestamptz not null,
            expires_at    timestamptz not null,
            primary key (tenant_id, session_id)
        )""",
        "create index sessions_of_user on sessions (tenant_id, user_id)",
        """
        create table email_changes (
            tenant_id          uuid        not null,
            user_id            uuid        not null,
            email              text        not null,
            previous_email     text        not null,
            token_hash         bytea,
            expires_at         timestamptz not null,
            cancel_token_hash  bytea       not null,
            cancel_expires_at  timestamptz not null,
            primary key (tenant_id, user_id),
            unique (tenant_id, token_hash),
            unique (tenant_id, cancel_token_hash)
        )""",
    )
    # No grant for the operator's role: operators do not need secrets, hashed or not.
    for table in ("sessions", "email_changes"):
        execute_statements(protect(table), f"grant select, insert, update, delete on {table} to users_app")
