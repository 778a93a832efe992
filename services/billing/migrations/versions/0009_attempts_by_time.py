"""The index of the list of refunds, and of the tenants to reconcile."""

from waypost.postgres.migration import execute_statements

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_statements("create index payment_attempts_by_time on payment_attempts (tenant_id, kind, created_at, id)")
