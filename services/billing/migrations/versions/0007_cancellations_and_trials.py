"""The time of a scheduled cancellation, and the end of a trial."""

from waypost.postgres.migration import execute_statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # A new database has the columns from version 0004, which reads tables.py.
    execute_statements(
        "alter table subscriptions.subscriptions add column if not exists cancel_at timestamptz,"
        " add column if not exists trial_end timestamptz"
    )
