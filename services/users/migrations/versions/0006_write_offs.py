"""Which written-off invoices suspended their debtor."""

from alembic import op

from waypost.postgres.tenancy import protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        create table write_offs (
            tenant_id   uuid  not null,
            invoice_id  uuid  not null,
            primary key (tenant_id, invoice_id)
        )""")
    for statement in protect("write_offs"):
        op.execute(statement)
    op.execute("grant select, insert on write_offs to users_app")
