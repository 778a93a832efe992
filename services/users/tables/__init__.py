"""Tables of this service. Unpublished data is in `public`; read models are in the schema of their
projection.
"""

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table, Uuid

from services.users.tables.read_models import (
    ACCOUNTS,
    INVITATIONS,
    OVERVIEW,
    SEARCHED_CHARACTERS,
    billed_invoices,
    billed_subscriptions,
    folded,
    invitations,
    users,
)
from services.users.tables.secrets import (
    SECRETS,
    credentials,
    email_changes,
    exports,
    mails_to_addresses,
    open_invitations,
    password_reset_tokens,
    refresh_tokens,
    sessions,
    sign_in_failures,
    verification_tokens,
)

UNPUBLISHED = MetaData()

write_offs = Table(
    "write_offs",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    PrimaryKeyConstraint("tenant_id", "invoice_id"),
)
"""Handled write-offs, and handled settlements under an id derived from the invoice's: each takes
effect once.
"""

__all__ = [
    "ACCOUNTS",
    "INVITATIONS",
    "OVERVIEW",
    "SEARCHED_CHARACTERS",
    "SECRETS",
    "UNPUBLISHED",
    "billed_invoices",
    "billed_subscriptions",
    "credentials",
    "email_changes",
    "exports",
    "folded",
    "invitations",
    "mails_to_addresses",
    "open_invitations",
    "password_reset_tokens",
    "refresh_tokens",
    "sessions",
    "sign_in_failures",
    "users",
    "verification_tokens",
    "write_offs",
]
