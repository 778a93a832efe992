"""Indexes of the customers in arrears, of written-off invoices, and of exceptions by the provider's
id.
"""

from waypost.postgres.migration import execute_statements

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # A new database has the indexes of read models from the first version, which reads tables.py.
    execute_statements(
        "create index if not exists customers_in_arrears on customers.customers (tenant_id, customer_id)"
        " where written_off_invoices > 0",
        "create index if not exists invoices_written_off on invoices.invoices (tenant_id, customer_id, invoice_id)"
        " where status = 'uncollectible'",
        "create index payment_exceptions_of_provider on payment_exceptions (tenant_id, provider_id)",
    )
