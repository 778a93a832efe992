"""A column and indexes for the retention of dead letters and of stored responses."""

from waypost.postgres.migration import execute_statements

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_statements(
        "alter table dead_letters add column content_removed_at timestamptz",
        # Open dead letters and discarded ones without content are not in the index.
        """
        create index dead_letters_settled on dead_letters (updated_at)
            where status in ('redriven', 'superseded', 'discarded') and content_removed_at is null""",
        "create index idempotency_keys_by_age on idempotency_keys (created_at)",
    )
