"""The identity of the last record that a consumer processed, per partition."""

from waypost.postgres.migration import execute_statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_statements("alter table consumer_offsets add column last_record bytea")
