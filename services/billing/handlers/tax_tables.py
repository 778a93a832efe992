"""The table of the tenant's tax rates."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

TAXES = MetaData()

tax_rates = Table(
    "tax_rates",
    TAXES,
    Column("tenant_id", Uuid, nullable=False),
    Column("tax_rate_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("ppm", Integer, nullable=False),
    Column("inclusive", Boolean, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("archived_at", DateTime(timezone=True)),
    Column("changed_by", Uuid),
    Column("changed_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "tax_rate_id"),
    Index("tax_rates_default", "tenant_id", unique=True, postgresql_where=text("is_default")),
)
"""The tenant's tax rates; `ppm` are millionths. Lines copy them, so that deleted rows change no
invoice. `changed_by`, `changed_at`: who made the rate the default, ended this or archived it last,
and when. At most 100 active and 400 archived rows per tenant.
"""
