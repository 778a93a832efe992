"""Subscriptions, and which of them an invoice is of."""

from alembic import op

from services.billing.tables import SUBSCRIPTIONS
from waypost.postgres.projection_schema import create_projection_schema

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("alter table invoices.invoices add column if not exists subscription_id uuid")
    op.execute(
        "create index if not exists invoices_of_subscription on invoices.invoices (tenant_id, subscription_id, invoice_id)"
        " where subscription_id is not null"
    )
    for statement in create_projection_schema("billing", "subscriptions", SUBSCRIPTIONS):
        op.execute(statement)
