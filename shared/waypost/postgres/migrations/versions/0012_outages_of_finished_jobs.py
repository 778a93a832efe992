"""The outages of a finished job, apart from its attempts."""

from waypost.postgres.migration import execute_statements

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # A process of the earlier release writes the sum to `attempts`, and leaves `outages` at 0.
    execute_statements("alter table job_results add column outages integer not null default 0")
