"""Sessions that ended before their access tokens did."""

from waypost.postgres.migration import execute_statements

revision = "0008"
down_revision = "0007"


# The migration that created the table creates it with the columns of the present code.
def upgrade() -> None:
    execute_statements("alter table principals.principals add column if not exists ended_sessions jsonb")
