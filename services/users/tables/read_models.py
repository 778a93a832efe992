"""Tables of read models, in the schema of their projection."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

ACCOUNTS = MetaData()


def _search_key(name: str, of: str) -> Column[str]:
    """A generated column with the text of a column as searches compare it (`queries.people`).

    A stored column, because row-level security lets no index serve a condition with a function that
    is not leakproof, and `casefold` is none. It is ordered by code points, so that a range of the
    index has all texts with a prefix. It is cut, so that no text is too long for the index.
    """
    return Column(name, Text(collation="C"), Computed(folded(of), persisted=True))


def folded(text: str) -> str:
    """The SQL expression of a text without case: Unicode's full case folding, composed (NFC)."""
    folding = f"casefold(normalize({text}, NFD) collate pg_catalog.pg_unicode_fast)"
    return f'left(normalize({folding}, NFC), {SEARCHED_CHARACTERS}) collate "C"'


SEARCHED_CHARACTERS = 200

users = Table(
    "users",
    ACCOUNTS,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    _search_key("email_key", "email"),
    _search_key("name_key", "display_name"),
    PrimaryKeyConstraint("tenant_id", "user_id"),
    Index("users_by_email_key", "tenant_id", "email_key"),
    Index("users_by_name_key", "tenant_id", "name_key"),
)

INVITATIONS = MetaData()

invitations = Table(
    "invitations",
    INVITATIONS,
    Column("tenant_id", Uuid, nullable=False),
    Column("invitation_id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("display_name", Text),
    Column("role", Text),
    Column("locale", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("invited_by", Uuid),
    Column("approvers_mailed", Boolean),
    Column("created_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "invitation_id"),
)
"""Open invitations and requests, for admins. The name is that of the person who asked to join; it
is not proved.
"""

OVERVIEW = MetaData()

billed_invoices = Table(
    "billed_invoices",
    OVERVIEW,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("disputed_minor", BigInteger, nullable=False),
    Column("paid_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "invoice_id"),
    Index("billed_invoices_of_customer", "tenant_id", "customer_id"),
)
"""Finalized invoices of users. A customer of billing is the user with the same id."""

billed_subscriptions = Table(
    "billed_subscriptions",
    OVERVIEW,
    Column("tenant_id", Uuid, nullable=False),
    Column("subscription_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("plan", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("period_end", DateTime(timezone=True), nullable=False),
    Column("cancel_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "subscription_id"),
    Index("billed_subscriptions_of_customer", "tenant_id", "customer_id"),
)
