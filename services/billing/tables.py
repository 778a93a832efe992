"""Tables of this service: unpublished data in `public`, read models in a projection's schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

MONEY = MetaData()

payment_methods = Table(
    "payment_methods",
    MONEY,
    Column("tenant_id", Uuid, nullable=False),
    Column("payment_method_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("token", Text, nullable=False),
    PrimaryKeyConstraint("tenant_id", "payment_method_id"),
    Index("payment_methods_of_customer", "tenant_id", "customer_id"),
)
"""The provider's tokens for the cards; deleted when the customer is erased."""

payment_attempts = Table(
    "payment_attempts",
    MONEY,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("payment_method_id", Uuid),
    Column("charge_id", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider_id", Text),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("failure", Text),
    Column("actor_id", Uuid),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    UniqueConstraint("tenant_id", "requested_by"),
    Index("payment_attempts_of_provider", "tenant_id", "provider_id"),
    Index("payment_attempts_by_time", "tenant_id", "kind", "created_at", "id"),
    Index("payment_attempts_of_invoice", "tenant_id", "invoice_id", "kind", "attempt", unique=True),
    Index(
        "payment_attempts_pending", "tenant_id", "invoice_id", unique=True, postgresql_where=text("status = 'pending'")
    ),
)
"""One pending attempt per invoice at most. `reason`: why a charge was refused, or why a refund was
requested. `failure`: why a refund failed. `actor_id`: the user who requested a refund.
"""

invoice_numbers = Table(
    "invoice_numbers",
    MONEY,
    Column("tenant_id", Uuid, primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)
"""The last number of each tenant. A rollback restores the locked row: numbers have no gaps."""

followed_users = Table(
    "followed_users",
    MONEY,
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "user_id"),
)
"""The highest version of each user that was applied to their customer."""

CUSTOMERS = MetaData()

customers = Table(
    "customers",
    CUSTOMERS,
    Column("tenant_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("email", Text),
    Column("display_name", Text),
    Column("locale", Text, nullable=False),
    Column("erased", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("written_off_invoices", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant_id", "customer_id"),
    Index("customers_in_arrears", "tenant_id", "customer_id", postgresql_where=text("written_off_invoices > 0")),
    Index("customers_erased", "tenant_id", "customer_id", postgresql_where=text("erased")),
)

cards = Table(
    "cards",
    CUSTOMERS,
    Column("tenant_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("payment_method_id", Uuid, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("attached_in_version", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "customer_id", "payment_method_id"),
)
"""The card of the highest `attached_in_version` is the default. It is the version of the customer
that attached the card or chose it last.
"""

SUBSCRIPTIONS = MetaData()

subscriptions = Table(
    "subscriptions",
    SUBSCRIPTIONS,
    Column("tenant_id", Uuid, nullable=False),
    Column("subscription_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("next_plan", Text),
    Column("next_interval", Text),
    Column("next_amount_minor", BigInteger),
    Column("next_currency", Text),
    Column("next_from", DateTime(timezone=True)),
    Column("invoice_id", Uuid, nullable=False),
    Column("period_start", DateTime(timezone=True), nullable=False),
    Column("period_end", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("cancel_at", DateTime(timezone=True)),
    Column("trial_end", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "subscription_id"),
    Index("subscriptions_of_customer", "tenant_id", "customer_id", "subscription_id"),
    Index("subscriptions_by_end", "tenant_id", "period_end", postgresql_where=text("status <> 'canceled'")),
)
"""`next_…`: the plan of the next change, which applies from `next_from`."""

INVOICES = MetaData()

invoices = Table(
    "invoices",
    INVOICES,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("number", BigInteger),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("amount_paid_minor", BigInteger, nullable=False),
    Column("amount_refunded_minor", BigInteger, nullable=False),
    Column("last_failure", Text),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("finalized_at", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("subscription_id", Uuid),
    Column("amount_disputed_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("tax_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunded_tax_minor", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("tenant_id", "invoice_id"),
    UniqueConstraint("tenant_id", "number"),
    Index("invoices_of_customer", "tenant_id", "customer_id", "invoice_id"),
    Index("invoices_by_finalizing", "tenant_id", "finalized_at"),
    Index(
        "invoices_written_off",
        "tenant_id",
        "customer_id",
        "invoice_id",
        postgresql_where=text("status = 'uncollectible'"),
    ),
    Index(
        "invoices_of_subscription",
        "tenant_id",
        "subscription_id",
        "invoice_id",
        postgresql_where=text("subscription_id is not null"),
    ),
)

invoice_lines = Table(
    "invoice_lines",
    INVOICES,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("added_in_version", BigInteger, nullable=False),
    Column("line_id", Uuid, nullable=False),
    Column("description", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_amount_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("tax_rate_id", Uuid),
    Column("tax_name", Text, nullable=False, server_default=text("''")),
    Column("tax_rate_ppm", BigInteger, nullable=False, server_default=text("0")),
    Column("tax_inclusive", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("tenant_id", "invoice_id", "added_in_version"),
)

LEDGER = MetaData()

postings = Table(
    "postings",
    LEDGER,
    Column("tenant_id", Uuid, nullable=False),
    Column("invoice_id", Uuid, nullable=False),
    Column("invoice_version", BigInteger, nullable=False),
    Column("account", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("posted_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "invoice_id", "invoice_version", "account"),
)
"""One entry per invoice version that moved money: its rows sum to 0. Debits are positive."""

REVENUE = MetaData()

revenue_windows = Table(
    "revenue_windows",
    REVENUE,
    Column("tenant_id", Uuid, nullable=False),
    Column("window", Text, nullable=False),
    Column("window_start", DateTime(timezone=True), nullable=False),
    Column("currency", Text, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("failed_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("paid_count", BigInteger, nullable=False),
    Column("failed_count", BigInteger, nullable=False),
    Column("refunded_count", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant_id", "window", "window_start", "currency"),
)
"""The latest published totals of each window."""
