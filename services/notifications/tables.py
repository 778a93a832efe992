"""Tables of this service. Unpublished data is in `public`; read models are in the schema of their
projection.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

UNPUBLISHED = MetaData()

pending_notifications = Table(
    "pending_notifications",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("facts", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant_id", "notification_id"),
)
"""The variables of a queued notification; deleted when the notification is settled."""

sealed_tokens = Table(
    "sealed_tokens",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("recipient_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("sealing_key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "recipient_id", "kind"),
    UniqueConstraint("tenant_id", "notification_id"),
)
"""One token per user and kind: a new link replaces the earlier one, mailed or not. Deleted when the
token is mailed.
"""

read_marks = Table(
    "read_marks",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("recipient_id", Uuid, nullable=False),
    Column("read_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "notification_id"),
    Index("read_marks_of_recipient", "tenant_id", "recipient_id"),
)
"""Notifications that their recipient has read. Reading habits are personal: rows, no events."""

preferences = Table(
    "preferences",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("digest", Boolean, nullable=False),
    Column("unsubscribe_secret", LargeBinary, nullable=False),
    Column("receipts", Boolean, nullable=False, server_default=true()),
    Column("subscriptions", Boolean, nullable=False, server_default=true()),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    UniqueConstraint("tenant_id", "unsubscribe_secret"),
)
"""A user without a row has not chosen. The secret never changes, so that the link in an old mail
keeps working.
"""

suppressed_addresses = Table(
    "suppressed_addresses",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("suppression_id", Uuid, nullable=False),
    Column("recipient_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("suppressed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "suppression_id"),
    UniqueConstraint("tenant_id", "address"),
    Index("suppressed_addresses_of_recipient", "tenant_id", "recipient_id"),
)
"""Addresses that the mail server refused; no mail is sent to them until the row is deleted."""

bounces = Table(
    "bounces",
    UNPUBLISHED,
    Column("tenant_id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient_id", Uuid, nullable=False),
    Column("address", Text),
    Column("reported_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "notification_id", "kind"),
    Index("bounces_of_address", "tenant_id", "address"),
    Index("bounces_of_recipient", "tenant_id", "recipient_id"),
    Index("bounces_by_time", "tenant_id", "reported_at"),
)
"""Reports about sent mails. Without an address if it must not count: that of an invitation, or of a
suppression that was lifted.
"""

OUTGOING = MetaData()

notifications = Table(
    "notifications",
    OUTGOING,
    Column("tenant_id", Uuid, nullable=False),
    Column("notification_id", Uuid, nullable=False),
    Column("recipient_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("version", BigInteger, nullable=False),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "notification_id"),
    Index("notifications_by_time", "tenant_id", "queued_at", "notification_id"),
    Index("notifications_of_recipient", "tenant_id", "recipient_id", "queued_at", "notification_id"),
)

RECIPIENTS = MetaData()

recipients = Table(
    "recipients",
    RECIPIENTS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("status", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)
"""Recipients of notifications. An erased recipient keeps a row without a name, so that waiting
notifications are settled.
"""

INVOICES = MetaData()

invoices = Table(
    "invoices",
    INVOICES,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "invoice_id"),
)
"""Invoice status, for mails that are composed later than the event."""

INVOICE_LINES = MetaData()

invoice_lines = Table(
    "invoice_lines",
    INVOICE_LINES,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("finalized", Boolean, nullable=False),
    PrimaryKeyConstraint("tenant_id", "invoice_id"),
)
"""The lines of each invoice. A finalized invoice has all its lines."""
