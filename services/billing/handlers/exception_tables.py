"""Tables of payments that need attention: stray payments, and reports that do not fit."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

EXCEPTIONS = MetaData()

stray_payments = Table(
    "stray_payments",
    EXCEPTIONS,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("attempt_id", Uuid, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("refund_id", Text),
    Column("failure", Text),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "charge_id"),
    Index("stray_payments_of_invoice", "tenant_id", "invoice_id"),
)
"""Charges that succeeded although their attempt was declined or abandoned: applied to the invoice,
or refunded.
"""

payment_exceptions = Table(
    "payment_exceptions",
    EXCEPTIONS,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("invoice_id", Uuid),
    Column("attempt_id", Uuid),
    Column("expected", Text),
    Column("reported", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("payment_exceptions_of_provider", "tenant_id", "provider_id"),
    Index("payment_exceptions_open", "tenant_id", "id", postgresql_where=text("resolved_at is null")),
)
"""Reports of the provider that an operator has to look at. The tenant is NO_TENANT for a report
that matches no charge.
"""
