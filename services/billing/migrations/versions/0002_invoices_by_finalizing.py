"""An index by which reports find a month's invoices."""

from waypost.postgres.migration import execute_statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # A new database has the index from the first version, which reads tables.py.
    execute_statements(
        "create index if not exists invoices_by_finalizing on invoices.invoices (tenant_id, finalized_at)"
    )
