"""A person can be forgotten in the history of a customer."""

from alembic import op

from waypost.postgres.ddl import forgettable_events

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in forgettable_events("billing"):
        op.execute(statement)
