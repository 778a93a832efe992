"""Subscriptions, and the subscription that an invoice belongs to."""

from services.billing.tables import SUBSCRIPTIONS
from waypost.postgres.migration import execute_statements, projection_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_statements(
        "alter table invoices.invoices add column if not exists subscription_id uuid",
        "create index if not exists invoices_of_subscription on invoices.invoices (tenant_id, subscription_id, invoice_id)"
        " where subscription_id is not null",
        projection_tables("subscriptions", SUBSCRIPTIONS),
    )
