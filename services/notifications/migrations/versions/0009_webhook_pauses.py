"""The times in which a webhook endpoint was disabled."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("alter table webhook_endpoints add column disabled_periods jsonb not null default '[]'")
