"""What operators did by hand, who and why."""

from alembic import op

from waypost.postgres.ddl import operator_actions

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in operator_actions("billing"):
        op.execute(statement)
