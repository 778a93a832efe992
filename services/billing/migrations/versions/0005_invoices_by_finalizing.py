"""Reports find a month's invoices."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Where the tables were made after the index was declared, the first revision made it with them.
    op.execute("create index if not exists invoices_by_finalizing on invoices.invoices (tenant_id, finalized_at)")
