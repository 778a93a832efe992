"""The status of a dead letter whose event replaces the handled one of its version."""

from waypost.postgres.migration import execute_statements

revision = "0007"
down_revision = "0006"

_STATUSES = "('retrying', 'dead', 'waiting', 'redriven', 'discarded', 'adopted', 'superseded')"


def upgrade() -> None:
    execute_statements(
        "alter table dead_letters drop constraint dead_letters_status_check",
        f"alter table dead_letters add constraint dead_letters_status_check check (status in {_STATUSES})",
        "drop index dead_letters_settled",
        """
        create index dead_letters_settled on dead_letters (updated_at)
            where status in ('redriven', 'superseded', 'discarded', 'adopted') and content_removed_at is null""",
    )
