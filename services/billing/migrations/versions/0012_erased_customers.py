"""The index of erased customers, whose texts a daily job erases (`jobs/earlier_texts.py`)."""

from waypost.postgres.migration import execute_statements

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # A new database has the indexes of read models from the first version, which reads tables.py.
    execute_statements(
        "create index if not exists customers_erased on customers.customers (tenant_id, customer_id) where erased"
    )
