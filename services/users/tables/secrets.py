"""Tables without a grant for operators: credentials, tokens, sessions, and exports of a person's
data.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from waypost.postgres.tenancy import ACROSS_TENANTS

SECRETS = MetaData()

credentials = Table(
    "credentials",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    UniqueConstraint("tenant_id", "email"),
)
"""Addresses and password hashes. The address is in lower case (checked), so the key ignores
case.
"""


def _one_time_tokens(name: str, *more: Column[Any]) -> Table:
    """A table of one-time tokens, one row per user: a new token replaces the earlier one, and the
    first use deletes the row.
    """
    return Table(
        name,
        SECRETS,
        Column("tenant_id", Uuid, nullable=False),
        Column("user_id", Uuid, nullable=False),
        Column("token_hash", LargeBinary, nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        *more,
        PrimaryKeyConstraint("tenant_id", "user_id"),
        UniqueConstraint("tenant_id", "token_hash"),
    )


verification_tokens = _one_time_tokens(
    "verification_tokens", Column("password_hash", Text), Column("display_name", Text), Column("locale", Text)
)
"""Tokens with the password and profile of the link's registration; all null if the account keeps
its own password.
"""
password_reset_tokens = _one_time_tokens("password_reset_tokens")

refresh_tokens = Table(
    "refresh_tokens",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "token_hash"),
    Index("refresh_tokens_of_session", "tenant_id", "session_id"),
    Index("refresh_tokens_of_user", "tenant_id", "user_id"),
)
"""Used tokens stay until they expire: the reuse of one shows that it was stolen."""

open_invitations = Table(
    "open_invitations",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("invitation_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("token_hash", LargeBinary),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "invitation_id"),
    UniqueConstraint("tenant_id", "email"),
    UniqueConstraint("tenant_id", "token_hash"),
)
"""Open invitations, and requests, which have no token yet. One per address. Deleted when accepted
or withdrawn.
"""

sessions = Table(
    "sessions",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "session_id"),
    Index("sessions_of_user", "tenant_id", "user_id"),
)
"""The details of a session for its user, and the time when the password was last proved in it. The
refresh tokens decide whether a session exists: one from before this table has no row.
"""

email_changes = Table(
    "email_changes",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("previous_email", Text, nullable=False),
    Column("token_hash", LargeBinary),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("cancel_token_hash", LargeBinary, nullable=False),
    Column("cancel_expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    UniqueConstraint("tenant_id", "token_hash"),
    UniqueConstraint("tenant_id", "cancel_token_hash"),
)
"""The change of address that a user requested last. `token_hash` is null after the change took
effect; the row stays until the previous address can no longer take it back.
"""

sign_in_failures = Table(
    "sign_in_failures",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("address_digest", LargeBinary, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("failed_at", DateTime(timezone=True), nullable=False),
    Column("refused_until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "address_digest"),
)
"""Wrong passwords in a row by address, also of addresses without an account. The digest keeps
addresses of people without an account out of the table.
"""

mails_to_addresses = Table(
    "mails_to_addresses",
    SECRETS,
    Column("address_digest", LargeBinary, nullable=False),
    Column("mailed_at", ARRAY(DateTime(timezone=True)), nullable=False),
    Column("last_mailed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("address_digest"),
    Index("mails_to_addresses_by_time", "last_mailed_at"),
    info=ACROSS_TENANTS,
)
"""Times of the unasked mails to an address, over all tenants: its rows belong to no tenant."""

exports = Table(
    "exports",
    SECRETS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("export_id", Uuid, nullable=False),
    Column("requested_by", Uuid, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("file", LargeBinary),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    ForeignKeyConstraint(
        ["tenant_id", "user_id"], ["credentials.tenant_id", "credentials.user_id"], ondelete="CASCADE"
    ),
    Index("exports_by_expiry", "tenant_id", "expires_at"),
)
"""The export of a person's data, one per user: a new one replaces the earlier one. The file is null
until the job has written it. The erasure deletes the credentials, and the foreign key the export: a
process of the release before this table erases a person too.
"""
